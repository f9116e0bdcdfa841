"""The engine: rows of (prompt, program) in, generations out, in the order of the rows."""

from __future__ import annotations

import hashlib
import json
import math
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import torch

from polar_search.errors import ConfigError
from polar_search.execution.adapter import adapt
from polar_search.execution.decoding import (
    NEAR_TIE,
    Ending,
    Forced,
    continuation_ids,
)
from polar_search.execution.desk import Desk
from polar_search.execution.live import LiveBatch, LiveRow
from polar_search.execution.loading import fingerprint, freeze, load_model
from polar_search.execution.pages import KeyValueMemory, KeyValueShape
from polar_search.execution.parts import DecoderParts
from polar_search.execution.planning import (
    HIDDEN,
    call_tokens,
    default_memory,
    page_size,
    without_collection,
)
from polar_search.execution.proof import prove
from polar_search.execution.reference import generate_reference
from polar_search.execution.rows import Generation, Likelihood, Row
from polar_search.execution.runner import Runner
from polar_search.execution.work import EngineStats, Switches, Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from polar_search.execution.admission import Job
    from polar_search.execution.loading import DeviceMap
    from polar_search.execution.rows import ProgramLike, Prompt, Sampling, Stop


class ProgramEngine:
    """Runs programs of layers on a frozen model, many rows at a time.

    Every row gives the tokens that the model unrolled to the row's program would give alone:
    exactly in float32, up to batch-shape noise in half precision. Nothing is remembered between
    calls.

    Attributes:
        model: The model, frozen and in evaluation mode; programs leave it as it was.
        tokenizer: Its tokenizer, or None: then prompts are token ids and results have no text.
        num_layers: Layers of the model.
        stats: Running counts.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase | None = None,
        *,
        kv_memory: int | None = None,
        switches: Switches | None = None,
    ) -> None:
        """Wrap a loaded model.

        Args:
            model: A causal decoder.
            tokenizer: Its tokenizer.
            kv_memory: Bytes for keys, values and hidden states, on each device that has layers; by
                default a fifth of the memory of a CPU, which is touched as far as rows need it,
                and half of the free memory of a GPU. Rows that do not fit wait for others to
                finish.
            switches: What rows share; all by default.

        Raises:
            ModelError: The model's layers cannot be rerouted.
        """
        self._adapter = adapt(model)
        self._parts = DecoderParts(self._adapter)
        self._desk = Desk(self._adapter, tokenizer)
        self.model = freeze(model)
        self.tokenizer = tokenizer
        self.num_layers = self._adapter.num_layers
        self.stats = EngineStats()
        self._kv_memory = kv_memory or min(map(default_memory, set(self._parts.devices)))
        self._switches = switches or Switches()
        self._fingerprint: str | None = None
        self._memory: KeyValueMemory | None = None
        self._near_tie = NEAR_TIE if self._parts.dtype == torch.float32 else 0.0
        self._proven = False
        self._live: LiveBatch | None = None

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype = "auto",
        attention: str | None = None,
        device_map: DeviceMap | None = None,
        kv_memory: int | None = None,
    ) -> ProgramEngine:
        """Load a model by Hub id or folder; see `load_model`."""
        model, tokenizer = load_model(
            name_or_path, device=device, dtype=dtype, attention=attention, device_map=device_map
        )
        return cls(model, tokenizer, kv_memory=kv_memory)

    @cached_property
    def key_value_shape(self) -> KeyValueShape:
        """What one token of one occurrence puts into the cache.

        Raises:
            ModelError: The layers cannot be called one by one.
        """
        with torch.no_grad():
            return self._parts.key_value_shape()

    @property
    def fingerprint(self) -> str:
        """Identity of the model, stable across processes and machines."""
        if self._fingerprint is None:
            self._fingerprint = fingerprint(self.model)
        return self._fingerprint

    def decoding_fingerprint(
        self,
        max_new_tokens: int,
        *,
        stop: Sequence[Stop] = (),
        sampling: Sampling | None = None,
        settle: bool = False,
    ) -> str:
        """Identity of how texts come from the model: dtype, attention, length, stops, sampling.

        ``settle`` says that rows end where their task has seen enough.
        """
        settings = {
            "dtype": str(self.model.dtype),
            "attention": self.model.config._attn_implementation,
            "max_new_tokens": max_new_tokens,
            "stop": [s if isinstance(s, str) else f"{s.__module__}.{s.__qualname__}" for s in stop],
            "sampling": None if sampling is None else vars(sampling),
        }
        if settle:
            settings["settle"] = True
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]

    def generate(
        self,
        rows: Iterable[Row | tuple[Prompt, ProgramLike]],
        max_new_tokens: int,
        stop: Sequence[Stop] = (),
    ) -> list[Generation]:
        """Generate every row; results keep the order of the rows.

        Args:
            rows: Rows, or pairs (prompt, program), in any mix.
            max_new_tokens: New tokens at most, for each row.
            stop: Strings, or conditions on the text so far, that end a row; the text keeps them.

        Raises:
            ConfigError: A prompt is empty, too long, or a text without a tokenizer; or kv_memory is
                too small for one row.
            ProgramError: A program belongs to another model.
        """
        with without_collection():
            asked = [Row.of(row) for row in rows]
            ending = Ending(self.model, self.tokenizer, max_new_tokens, stop)
            jobs = self._desk.jobs(asked, ending)
        for batch in self._batches(jobs):
            self._run(batch)
        with without_collection():
            return [
                self._settle(row, job, max_new_tokens, stop)
                for row, job in zip(asked, jobs, strict=True)
            ]

    def open(self, max_tokens: int) -> LiveBatch:
        """A batch that rows may join at any time.

        Args:
            max_tokens: Of a row at most, its prompt and its new tokens together.

        Raises:
            ConfigError: An earlier one has rows that are not finished.
        """
        bound = self._adapter.max_positions or max_tokens

        def make_jobs(rows: Sequence[Row], max_new_tokens: int, stop: Sequence[Stop]) -> list[Job]:
            ending = Ending(self.model, self.tokenizer, max_new_tokens, stop)
            return self._desk.jobs(rows, ending, min(bound, max_tokens))

        with torch.no_grad():
            runner = self._runner(max_tokens, max_tokens)
        self._live = LiveBatch(
            runner, make_jobs, self._parts.attention, self._settle_live, self._near_tie
        )
        return self._live

    def score(
        self,
        rows: Sequence[tuple[Prompt, ProgramLike]],
        options: Sequence[Sequence[Prompt]],
    ) -> list[list[float]]:
        """Log-likelihood of every option as the continuation of its row; see `likelihoods`."""
        return [[o.log_likelihood for o in choices] for choices in self.likelihoods(rows, options)]

    def likelihoods(
        self,
        rows: Sequence[tuple[Prompt, ProgramLike]],
        options: Sequence[Sequence[Prompt]],
    ) -> list[list[Likelihood]]:
        """How likely every option is as the continuation of its row.

        The options of a row share its prompt, and their common beginnings; a single one is read
        with the prompt in one pass.

        Args:
            rows: Pairs (prompt, program).
            options: For each row its options, texts or token ids.

        Returns:
            For each row the sum of the log-probabilities of each option's tokens (minus infinity
            where a program's logits are no numbers), and whether greedy decoding would take them.

        Raises:
            ConfigError: Not as many lists of options as rows; or an option is empty, or does not
                fit the model's positions behind its prompt.
        """
        if len(rows) != len(options):
            raise ConfigError(f"expected options for {len(rows)} rows, received {len(options)}")
        ids = [[continuation_ids(o, self.tokenizer) for o in choices] for choices in options]
        forced = [[Forced(option) for option in choices] for choices in ids]
        jobs = []
        for row, choices, choosers in zip(rows, ids, forced, strict=True):
            if choices:
                jobs += self._desk.forced_jobs(Row.of(row), choices, choosers)
        if jobs:
            self._run(jobs)
        worth = iter(
            Likelihood(-math.inf, greedy=False)
            if job.state.finish_reason == "nan"
            else Likelihood(chooser.log_likelihood, chooser.greedy)
            for job, chooser in zip(jobs, chain.from_iterable(forced), strict=True)
        )
        return [[next(worth) for _ in choices] for choices in options]

    def _batches(self, jobs: list[Job]) -> list[list[Job]]:
        """All jobs at once; without layer-major batching, those of one program at a time."""
        if self._switches.layer_major:
            return [jobs] if jobs else []
        programs: dict[tuple[int, ...], list[Job]] = {}
        for job in jobs:
            programs.setdefault(job.path, []).append(job)
        return list(programs.values())

    def _prove(self) -> None:
        self._proven = True
        work, self.stats.work = self.stats.work, Work()
        prove(self._adapter, self._run)
        self.stats.work = work

    @torch.no_grad()
    def _run(self, jobs: Sequence[Job]) -> None:
        room = max(job.state.max_new_tokens for job in jobs) - 1
        runner = self._runner(max(job.longest for job in jobs), room)
        runner.add(jobs)
        with self._parts.attention():
            while runner:
                runner.round()

    def _runner(self, tokens: int, room: int) -> Runner:
        """What runs rows of ``tokens`` at most, ``room`` of them behind the prompt."""
        if not self._proven:
            self._prove()
        if self._live:
            raise ConfigError(
                f"expected the rows of the live batch to be finished, received {len(self._live)} "
                "that are not; let it step until it is empty, or close it"
            )
        if self._memory is None:
            budget = self._kv_memory - int(self._kv_memory * HIDDEN)
            self._memory = KeyValueMemory(self.key_value_shape, budget, self._parts.devices)
        self._parts.prepare_positions(tokens)
        hidden_bytes = self._parts.width * self.key_value_shape.dtype.itemsize
        return Runner(
            self._parts,
            self._memory.pages(page_size(tokens)),
            tokens,
            room,
            call_tokens(self._adapter.layers, self._parts.device),
            int(self._kv_memory * HIDDEN) // hidden_bytes,
            self._switches,
            self.stats.work,
        )

    def _settle(self, row: Row, job: Job, max_new_tokens: int, stop: Sequence[Stop]) -> Generation:
        """The row's result, from the reference where float32 noise could have turned a decision.

        It runs up to the last near tie: where it agrees until then, so it does afterwards.
        """
        self.stats.rows += 1
        self.stats.work.asked += len(job.path) * job.length
        if job.state.finish_reason == "nan":
            self.stats.broken[job.path] += 1
        if job.state.narrowest >= self._near_tie:
            return job.state.result()
        self.stats.near_ties += 1
        stops = stop if row.stop is None else (*stop, row.stop)
        doubtful = tuple(job.state.tokens[: job.state.doubtful])
        if self._alone(job, len(doubtful), stops).token_ids == doubtful:
            return job.state.result()
        return self._alone(job, max_new_tokens, stops)

    def _alone(self, job: Job, max_new_tokens: int, stop: Sequence[Stop]) -> Generation:
        """What the reference generates greedily."""
        [result] = generate_reference(
            self.model, self.tokenizer, [job.ids], job.path, max_new_tokens, stop=stop
        )
        return result

    def _settle_live(self, live: LiveRow) -> Generation:
        return self._settle(live.row, live.job, live.job.state.max_new_tokens, live.stop)
