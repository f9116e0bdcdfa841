"""One pass over the layers: every node of a forest computed, in calls as large as can be.

Letters: n nodes, N tokens, d width of the hidden states.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

from polar_search.execution.attention import LayerCall, PromptRun
from polar_search.execution.forest import ROOT, Forest, execution_order

if TYPE_CHECKING:
    from polar_search.execution.pages import PagePool
    from polar_search.execution.parts import DecoderParts
    from polar_search.execution.work import Work


class LayerPass:
    """Runs forests on the parts of a decoder.

    Args:
        parts: The decoder.
        pool: Its key-value memory.
        call_tokens: Tokens of one layer call at most.
        room: Tokens behind its prompt for which a new node receives pages at once.
        capacity: Hidden states for which memory is planned.
        work: Running counts.
    """

    def __init__(
        self,
        parts: DecoderParts,
        pool: PagePool,
        call_tokens: int,
        room: int,
        capacity: int,
        work: Work,
    ) -> None:
        self.parts = parts
        self.pool = pool
        self.call_tokens = call_tokens
        self.room = room
        self.capacity = capacity
        self.work = work
        self._buffer = torch.empty(0, parts.width, dtype=parts.dtype, device=parts.device)

    def run(
        self, forest: Forest, inputs: dict[int, np.ndarray], late: np.ndarray
    ) -> tuple[Forest, np.ndarray, np.ndarray, torch.Tensor]:
        """Compute every node.

        Args:
            forest: The nodes; those without pages receive them.
            inputs: For every root the tokens that it reads.
            late: Nodes of which rows need no hidden state but the last.

        Returns:
            The forest in the order in which it ran, the new place of every old node, for every node
            of the new order the row behind its last token, and the hidden states by row.
        """
        nodes = len(forest)
        forest, split = forest.with_filing(late)
        filing = np.arange(len(forest)) >= nodes
        order, calls = execution_order(forest, filing, self.call_tokens)
        forest, place = forest.reordered(order)
        filing = filing[order]
        self._give_pages(forest, ~filing)
        forest.pages[place[nodes:]] = forest.pages[place[split]]
        roots = np.flatnonzero(forest.parent == ROOT)
        tokens = np.concatenate([inputs[node] for node in order[roots].tolist()])
        ends = len(tokens) + np.cumsum(forest.count)
        begins = ends - forest.count
        above = begins[forest.parent] + forest.start - forest.start[forest.parent]
        above[roots] = np.cumsum(forest.count[roots]) - forest.count[roots]
        hidden = self._hidden_states(int(ends[-1]))
        hidden[: len(tokens)] = self.parts.embed(self._tensor(tokens))

        node = np.repeat(np.arange(len(forest)), forest.count)
        step = np.arange(len(node)) - (begins - len(tokens))[node]
        source = above[node] + step
        sources = self._tensor(source)
        positions = self._tensor(forest.start[node] + step)
        for layer, first, last in calls:
            a, b = int(begins[first]), int(ends[last - 1])
            part = slice(a - len(tokens), b - len(tokens))
            states = rows_at(hidden, source[part], sources[part])
            call = self._call(forest, layer, first, last)
            if filing[first]:
                self.parts.file(layer, states, positions[part], replace(call, filing=True))
            else:
                hidden[a:b] = self.parts.run(layer, states, positions[part], call)
        self._count(forest, filing, len(calls))
        return forest, place, ends, hidden

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self._buffer.device)

    def _hidden_states(self, count: int) -> torch.Tensor:
        """A buffer of at least [count, d], the same memory in every pass.

        It has the planned size from the beginning (a CPU touches what is used); only a row whose
        prompt alone needs more makes it grow.
        """
        if len(self._buffer) < count:
            rows = max(count, self.capacity)
            self._buffer = self._buffer.new_empty(rows, self._buffer.shape[1])
        return self._buffer

    def _give_pages(self, forest: Forest, owning: np.ndarray) -> None:
        """Pages for new nodes that own some, side by side in the order in which they run."""
        new = np.flatnonzero(owning & (forest.pages[:, 0] < 0))
        if not len(new):
            return
        tokens = forest.start[new] + forest.count[new] + self.room
        wanted = np.minimum(-(-tokens // self.pool.page_size), forest.pages.shape[1])
        fresh = self.pool.take(int(wanted.sum()))
        column = np.arange(len(fresh)) - np.repeat(np.cumsum(wanted) - wanted, wanted)
        forest.pages[np.repeat(new, wanted), column] = fresh

    def _call(self, forest: Forest, layer: int, first: int, last: int) -> LayerCall:
        """The call that computes the nodes [first, last)."""
        single = first + int(np.searchsorted(forest.start[first:last] > 0, True))
        return LayerCall(
            self.pool.on[self.parts.devices[layer]],
            prompt_runs(forest.count[first:single], forest.pages[first:single]),
            forest.pages[single:last],
            forest.start[single:last],
            self.parts.windows[layer],
        )

    def _count(self, forest: Forest, filing: np.ndarray, calls: int) -> None:
        single, filing_nodes = forest.start > 0, int(filing.sum())
        filed = int(forest.count[filing].sum())
        self.work.filed += filed
        self.work.prefill += int(forest.count[~single].sum()) - filed + filing_nodes
        self.work.decoding += int(single.sum()) - filing_nodes
        self.work.calls += calls
        self.work.rounds += 1


def prompt_runs(lengths: np.ndarray, tables: np.ndarray) -> list[PromptRun]:
    """Nodes that read prompts, cut where the length changes: lengths [n], pages [n, P]."""
    cuts = [0, *(np.flatnonzero(np.diff(lengths)) + 1).tolist(), len(lengths)]
    runs, begin = [], 0
    for a, b in pairwise(cuts):
        if b > a:
            runs.append(PromptRun(begin, b - a, int(lengths[a]), tables[a:b]))
            begin = runs[-1].end
    return runs


def rows_at(hidden: torch.Tensor, places: np.ndarray, same: torch.Tensor) -> torch.Tensor:
    """Rows of ``hidden`` at ``places`` (``same`` as a tensor); neighbours are read in place."""
    first, last = int(places[0]), int(places[-1]) + 1
    if last - first == len(places) and (np.diff(places) == 1).all():
        return hidden[first:last]
    return hidden.index_select(0, same)
