"""The sweep of all blocks: every run of layers skipped, and every one repeated, on all examples.

The map of a model's anatomy: which block of layers can be left out, which may run again. Skipping:
Gromov et al., "The Unreasonable Ineffectiveness of the Deeper Layers" (arXiv 2403.17887). With
``max_segment`` the model's depth and no bound on edits all D (D + 1) programs are of the space.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import Agent


class SweepAgent(Agent):
    """Every contiguous block of layers skipped, then every one repeated; short blocks first."""

    scope = "dataset"

    def __init__(self, space: ProgramSpace, seed: int) -> None:
        super().__init__(space, seed)
        self._rest = (program for program in self._blocks() if program in space)

    def ask(self, n: int) -> list[Program]:
        """The next `n` programs."""
        return list(islice(self._rest, n))

    def _blocks(self) -> Iterator[Program]:
        depth = self.space.num_layers
        for executions in (0, 2):
            for length in range(1, depth + 1):
                for start in range(depth - length + 1):
                    block = tuple(range(start, start + length))
                    path = (*range(start), *block * executions, *range(start + length, depth))
                    if path:
                        yield Program.unchecked(path, depth, self.space.max_segment)
