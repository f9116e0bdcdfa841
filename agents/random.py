"""Random search: programs drawn uniformly from the space, the baseline of every strategy."""

from __future__ import annotations

from random import Random

from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import Agent

PATIENCE = 1000
"""Draws in a row without anything new before the agent gives up: the space is all but used up."""


class RandomAgent(Agent):
    """Uniform over the distinct paths of the space, without repetition."""

    def __init__(self, space: ProgramSpace, seed: int) -> None:
        super().__init__(space, seed)
        self._rng = Random(seed)
        self._asked = {Program.identity(space.num_layers)}

    def ask(self, n: int) -> list[Program]:
        """Up to `n` programs; fewer when the space has hardly any left."""
        programs: list[Program] = []
        misses = 0
        while len(programs) < n and misses < PATIENCE:
            program = self.space.sample(self._rng)
            if program in self._asked:
                misses += 1
                continue
            misses = 0
            self._asked.add(program)
            programs.append(program)
        return programs
