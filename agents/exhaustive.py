"""Exhaustive search: every program of the space, those nearest to the standard pass first."""

from __future__ import annotations

from itertools import islice

from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import Agent


class ExhaustiveAgent(Agent):
    """Enumerates the space in its order: by edits, then depth, then path."""

    def __init__(self, space: ProgramSpace, seed: int) -> None:
        super().__init__(space, seed)
        identity = Program.identity(space.num_layers)
        self._rest = (program for program in space if program != identity)

    def ask(self, n: int) -> list[Program]:
        """The next `n` programs."""
        return list(islice(self._rest, n))
