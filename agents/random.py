"""Random search: programs drawn uniformly from the space, the baseline of every strategy."""

from __future__ import annotations

from random import Random
from typing import Literal

from polar_search.errors import ConfigError
from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import Agent

from .moves import neighbours

PATIENCE = 1000
"""Draws in a row without anything new before the agent gives up: the space is all but used up."""


class RandomAgent(Agent):
    """Uniform over the distinct paths of the space, without repetition; or over edits.

    Args:
        space: The programs that may be asked.
        seed: Of everything random.
        over: "paths", where many programs of the most edits outweigh the few with less; or "edits":
            a walk of one to `max_edits` random edits (3 where there is no bound), which favours
            programs close to the standard pass.

    Raises:
        ConfigError: `over` is neither.
    """

    usual_edits = 3

    def __init__(
        self, space: ProgramSpace, seed: int, over: Literal["paths", "edits"] = "paths"
    ) -> None:
        super().__init__(space, seed)
        if over not in ("paths", "edits"):
            raise ConfigError(f"expected over=paths or over=edits, received {over!r}; choose one")
        self._rng = Random(seed)
        self._identity = Program.identity(space.num_layers)
        self._asked = {self._identity}
        self._sample = self._walk if over == "edits" else self._uniform

    def ask(self, n: int) -> list[Program]:
        """Up to `n` programs; fewer when the space has hardly any left."""
        programs: list[Program] = []
        misses = 0
        while len(programs) < n and misses < PATIENCE:
            program = self._sample()
            if program in self._asked:
                misses += 1
                continue
            misses = 0
            self._asked.add(program)
            programs.append(program)
        return programs

    def _uniform(self) -> Program:
        return self.space.sample(self._rng)

    def _walk(self) -> Program:
        """The end of a walk from the standard pass."""
        program = self._identity
        most = self.usual_edits if self.space.max_edits is None else self.space.max_edits
        for _ in range(self._rng.randint(1, max(1, most))):
            reached = neighbours(self.space, program)
            if not reached:
                break
            program = self._rng.choice(reached)
        return program
