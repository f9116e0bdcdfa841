"""The engine room: all rows of a call on their way through the layers, round by round.

A round computes one token of every running row and the whole prompts of the rows admitted to it.
Rows share the nodes of a `Forest`; nodes that need the same layer share its calls. Rows leave when
they are finished, and others enter as pages become free.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch

from polar_search.errors import ConfigError
from polar_search.execution.admission import Job, Queue, Room
from polar_search.execution.decoding import pick_tokens
from polar_search.execution.forest import ROOT, Forest, chunks, grow
from polar_search.execution.passes import LayerPass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polar_search.execution.pages import PagePool
    from polar_search.execution.parts import DecoderParts
    from polar_search.execution.work import Switches, Work

FULL = 1
"""Full calls of every layer that the single tokens of the running rows should make."""

STEP_COST = {"cpu": 1.5, "cuda": 8.0}
"""Cost of a decoded token over that of a prompt token in one layer, by device."""

LEAST_CALL = 64
"""Tokens of a layer call below which memory that runs out is an error."""

LOGIT_ROWS = 1024
"""Rows whose logits exist at one time."""


@dataclass
class Runner:
    """Generates jobs on the parts of a decoder.

    Attributes:
        parts: The decoder.
        pool: Its key-value memory.
        tokens: Tokens that a row puts into the cache, at most.
        room: Tokens behind its prompt for which a row receives pages at once, at most.
        call_tokens: Tokens of one layer call at most.
        round_tokens: Layer-tokens of the prompts that one round admits at most.
        switches: What is shared.
        work: Running counts.
        spare: Share of the pages that admission leaves to rows whose texts part.
        drafted: Draft tokens read in this run.
        agreed: Those that were chosen.
        running: Rows that have been admitted and are not finished.
    """

    parts: DecoderParts
    pool: PagePool
    tokens: int
    room: int
    call_tokens: int
    round_tokens: int
    switches: Switches
    work: Work
    spare: float = 0.25
    drafted: int = 0
    agreed: int = 0
    running: list[Job] = field(default_factory=list)

    def __post_init__(self) -> None:
        size = self.pool.page_size
        room = min(self.room, size)
        self._waiting = Queue(size, room, share=self.switches.prefill)
        self._columns = -(-self.tokens // size)
        self._forest, self._leaves = Forest.empty(self._columns), np.zeros(0, dtype=np.int64)
        self.layers = LayerPass(
            self.parts, self.pool, self.call_tokens, room, self.round_tokens, self.work
        )

    def __bool__(self) -> bool:
        """Whether rows are running or waiting."""
        return bool(self.running or self._waiting)

    def add(self, jobs: Sequence[Job]) -> None:
        """Let rows wait for a round that has room for them; their states receive the tokens.

        Raises:
            ConfigError: A row would not fit if it were alone.
        """
        self._check_fits(jobs)
        self._waiting.put(jobs)

    def remove(self, job: Job) -> None:
        """Forget a row before it is finished."""
        self._waiting.remove(job)
        stays = [other is not job for other in self.running]
        self._keep(np.array(stays, dtype=bool))

    def round(self) -> None:
        """One token for every running row, and the first one for the rows admitted now."""
        forest, leaves, running = self._advance(
            self._forest, self._leaves, self.running, self._waiting
        )
        begin = len(forest)
        seeds, seed_leaves, fresh = self._admit(self._waiting, self._columns, len(forest))
        forest = forest.join(seeds)
        leaves = np.concatenate([leaves, seed_leaves + begin])
        self.running = running + fresh
        counts = deciding(self.running)
        self._forest, self._leaves, hidden = self._compute(forest, leaves, self.running, counts)
        self._choose(hidden, self.running, counts)
        alive = np.array([not job.state.finished for job in self.running], dtype=bool)
        if any(job.state.finish_reason == "nan" for job in self.running):
            self._clean(self._forest, self._leaves[alive])
        self._keep(alive)

    def _keep(self, alive: np.ndarray) -> None:
        """Only some of the running rows go on; the others leave their pages."""
        self._leaves = self._leaves[alive]
        self.running = [job for job, stays in zip(self.running, alive, strict=True) if stays]
        if not self.running:
            self.pool.keep_only(np.zeros(0, dtype=np.int64))

    def _pages(self, job: Job) -> int:
        """Pages of one node of the job, in the end."""
        return -(-job.longest // self.pool.page_size)

    # Decoding: the nodes of the running rows, one token later.

    def _advance(
        self, forest: Forest, leaves: np.ndarray, running: list[Job], waiting: Queue
    ) -> tuple[Forest, np.ndarray, list[Job]]:
        """Grow the forest by the newest token of every running row.

        Where pages run out, the rows admitted last begin again later.
        """
        while True:
            lengths = np.array([job.length for job in running], dtype=np.int64)
            tokens = np.array([job.state.tokens[-1] for job in running], dtype=np.int64)
            if not self.switches.decoding:
                tokens = np.arange(len(running))
            growth = grow(forest, leaves, lengths, tokens)
            grown, forks = growth.forest, growth.forks
            column = grown.start // self.pool.page_size
            nodes = np.arange(len(grown))
            lacking = forks | (grown.pages[nodes, column] < 0)
            self.pool.keep_only(forest.pages[:0] if not len(grown) else grown.pages)
            if int(lacking.sum()) <= self.pool.free:
                break
            kept = len(running) - max(1, len(running) // 8)
            self.spare = min(self.spare * 1.25, 0.6)
            for job in running[kept:]:
                job.state.restart()
            waiting.put_back(running[kept:])
            self.work.restarted += len(running) - kept
            running, leaves = running[:kept], leaves[:kept]
        self._give_pages(grown, np.flatnonzero(forks), np.flatnonzero(lacking), column)
        return grown, growth.leaves, running

    def _give_pages(
        self, grown: Forest, forks: np.ndarray, lacking: np.ndarray, column: np.ndarray
    ) -> None:
        """A page for every node that lacks one; forks copy what the page already holds."""
        size = self.pool.page_size
        lacking = lacking[np.argsort(grown.layer[lacking], kind="stable")]
        fresh = self.pool.take(len(lacking))
        old = grown.pages[lacking, column[lacking]]
        filled = (grown.start[lacking] % size > 0) & (old >= 0)
        if filled.any():
            self.pool.copy(old[filled], fresh[filled])
        if len(forks):
            beyond = np.arange(grown.pages.shape[1]) > column[forks][:, None]
            grown.pages[forks] = np.where(beyond, -1, grown.pages[forks])
        grown.pages[lacking, column[lacking]] = fresh

    def _clean(self, forest: Forest, alive: np.ndarray) -> None:
        """Wipe the pages that only rows with broken numbers used."""
        keep = np.zeros(len(forest), dtype=bool)
        nodes = alive
        while len(nodes):
            keep[nodes] = True
            nodes = np.unique(forest.parent[nodes])
            nodes = nodes[nodes != ROOT]
        self.pool.keep_only(forest.pages[keep])
        self.pool.clean(forest.pages[~keep])

    # Prefill: new rows, as many as fit.

    def _admit(
        self, queue: Queue, columns: int, nodes: int
    ) -> tuple[Forest, np.ndarray, list[Job]]:
        """New rows. Some pages are left to those whose texts part: they need pages of their own."""
        room = Room(
            self.pool.free - int(len(self.pool) * self.spare),
            self.round_tokens - nodes,
            FULL * self.call_tokens * len(self.parts.layers) - nodes,
        )
        return queue.admit(room, columns, idle=not nodes, drafts=self._drafts_pay())

    def _drafts_pay(self) -> bool:
        """Whether reading a draft token with the prompt costs less than it saves on average.

        A token that agrees saves a decoding step, which costs a layer `STEP_COST` times as much as
        a token of a prompt. How many agree shows as the rows of this run go by.
        """
        if not self.switches.drafts:
            return False
        agreeing = (self.agreed + 1) / (self.drafted + 1)
        return agreeing * STEP_COST.get(self.parts.device.type, 1.5) > 1

    def _check_fits(self, jobs: Sequence[Job]) -> None:
        """Every row must fit alone, or it could wait forever."""
        needed, tokens = max((len(job.path) * self._pages(job), len(job.ids)) for job in jobs)
        if needed > len(self.pool):
            page = self.pool.page_bytes
            raise ConfigError(
                f"expected {needed * page:,} bytes for the keys and values of a row with {tokens} "
                f"prompt tokens, received {len(self.pool) * page:,} of kv_memory; raise it "
                f"{needed / max(1, len(self.pool)):.2f}-fold"
            )

    # The pass over the layers, and its choices.

    def _compute(
        self, forest: Forest, leaves: np.ndarray, running: list[Job], counts: np.ndarray
    ) -> tuple[Forest, np.ndarray, torch.Tensor]:
        """Run every node; the hidden states of the tokens that decide come back.

        These are, row by row, the last one of the prompt and those of the draft, or the newest one.
        """
        inputs = self._root_tokens(forest, leaves, running)
        fresh = [not (job.state.tokens or job.tested) for job in running]
        late = np.unique(leaves[fresh]) if self.switches.filing else leaves[:0]
        while True:
            try:
                forest, place, ends, hidden = self.layers.run(forest, inputs, late)
                break
            except torch.OutOfMemoryError as error:
                self._make_calls_smaller(forest, error)
        leaves = place[leaves]
        tails = torch.from_numpy(tail_tokens(ends[leaves], counts)).to(hidden.device)
        return forest, leaves, hidden.index_select(0, tails)

    def _make_calls_smaller(self, forest: Forest, error: torch.OutOfMemoryError) -> None:
        """Let the pass begin again with half the tokens a call: what it wrote it writes again."""
        if self.layers.call_tokens < LEAST_CALL:
            raise ConfigError(
                f"expected memory for layer calls of {LEAST_CALL} tokens beside kv_memory, "
                f"received '{str(error).splitlines()[0]}'; lower kv_memory"
            ) from error
        self.layers.call_tokens //= 2
        self.pool.keep_only(forest.pages)
        torch.cuda.empty_cache()

    def _root_tokens(
        self, forest: Forest, leaves: np.ndarray, running: list[Job]
    ) -> dict[int, np.ndarray]:
        """The tokens that every root computes: those of any row above it."""
        roots = leaves
        while (forest.parent[roots] != ROOT).any():
            parents = forest.parent[roots]
            roots = np.where(parents == ROOT, roots, parents)
        tokens: dict[int, np.ndarray] = {}
        for row, root in enumerate(roots.tolist()):
            if root not in tokens:
                job = running[row]
                new = job.state.tokens[-1:] or (*job.ids, *job.draft[: job.tested])
                tokens[root] = np.array(new, dtype=np.int64)
        return tokens

    def _choose(self, hidden: torch.Tensor, running: list[Job], counts: np.ndarray) -> None:
        """Give every row its next token, or as many as its draft foresaw, and one more."""
        place = 0
        for begin, end in chunks(counts, LOGIT_ROWS):
            jobs, sizes = running[begin:end], counts[begin:end].tolist()
            states = [job.state for job, size in zip(jobs, sizes, strict=True) for _ in range(size)]
            part = hidden[place : place + len(states)]
            place += len(states)
            choice = pick_tokens(self.parts.logits(part), states)
            if len(states) == len(jobs):
                for state, token, margin in zip(states, choice.tokens, choice.margins, strict=True):
                    state.accept(token, margin)
                continue
            decisions = iter(zip(choice.tokens, choice.margins, strict=True))
            for job, size in zip(jobs, sizes, strict=True):
                self._accept(job, list(islice(decisions, size)))

    def _accept(self, job: Job, decisions: list[tuple[int, float]]) -> None:
        """Append the chosen tokens up to the first that the draft did not foresee."""
        foreseen = (*job.draft[: job.tested], None)
        for (token, margin), draft in zip(decisions, foreseen, strict=True):
            job.state.accept(token, margin)
            self.work.agreed += token == draft
            self.agreed += token == draft
            if job.state.finished or token != draft:
                break
        self.work.drafted += job.tested
        self.drafted += job.tested


def deciding(running: list[Job]) -> np.ndarray:
    """[r] tokens of each row that the round computes and that a choice hangs on."""
    counts = [1 if job.state.tokens else 1 + job.tested for job in running]
    return np.array(counts, dtype=np.int64)


def tail_tokens(ends: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Places of the deciding tokens; ``ends`` are the places behind the rows' last tokens."""
    behind = np.repeat(np.cumsum(counts), counts)
    places: np.ndarray = np.repeat(ends, counts) + np.arange(int(counts.sum())) - behind
    return places
