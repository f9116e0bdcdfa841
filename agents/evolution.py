"""Evolution: a population of programs, varied by mutation and crossover, of which the best survive.

A steady-state (mu + lambda) strategy; Eiben and Smith, "Introduction to Evolutionary Computing",
chapters 3 to 5. A mutation is one change of one segment, a crossover joins the first layers of one
program with the last layers of another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import attrgetter

from polar_search.errors import ConfigError
from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import Proposal, Scope
from polar_search.search.outcome import Outcome

from .moves import Moves
from .walking import WalkingAgent

TRIES = 20
"""Variations in a row that gave nothing new before a random program joins in."""


class Member:
    """A program of the population, and what it was told.

    Attributes:
        program: The program.
        correct: Examples that it answers.
        total: Examples that it was tried on.
    """

    __slots__ = ("_moves", "correct", "program", "total")

    def __init__(self, program: Program) -> None:
        self.program = program
        self.correct, self.total = 0, 0
        self._moves: Moves | None = None

    @property
    def fitness(self) -> tuple[float, float]:
        """The share of examples answered, then the shallower the fitter.

        Programs that answer nothing are all alike: shallower ones among them lead nowhere.
        """
        share = self.correct / self.total if self.total else 0.0
        return (share, -self.program.depth) if share else (0.0, -math.inf)

    def moves(self, space: ProgramSpace) -> Moves:
        """The mutations not tried yet, listed only when needed."""
        if self._moves is None:
            self._moves = Moves(space, self.program)
        return self._moves


class EvolutionAgent(WalkingAgent):
    """Evolution from the standard pass: mutation and crossover of segments, the best survive.

    Fit is who answers most examples, then who is shallower; among equals, who came first. With one
    agent for each example that is valid before invalid. Parents win a tournament of two.

    Args:
        space: The programs that may be asked.
        seed: Of everything random.
        scope: One agent for each example, or one for all.
        population: Programs that survive, at most.
        crossover: Probability that a program is made by crossover, not by mutation.

    Raises:
        ConfigError: There is no population.
    """

    def __init__(
        self,
        space: ProgramSpace,
        seed: int,
        scope: Scope = "example",
        population: int = 16,
        crossover: float = 0.5,
    ) -> None:
        super().__init__(space, seed)
        if population < 1:
            raise ConfigError(f"expected a population above 0, received {population}; raise it")
        self.scope = scope
        self._size, self._crossover = population, crossover
        self._origin = Member(self._identity)
        self._elders: list[Member] = []  # who had survived when the last programs were asked
        self._young: dict[Program, Member] = {}
        self._population: list[Member] = []  # the fittest first

    def ask(self, n: int) -> list[Proposal]:
        """Up to `n` new variations of the population."""
        self._elders, self._young = self._population, {}
        return super().ask(n)

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Selects: the fittest of the elders and of the programs told since then survive."""
        for outcome in outcomes:
            member = self._young.setdefault(outcome.program, Member(outcome.program))
            member.correct += outcome.correct
            member.total += 1
        everyone = [*self._elders, *self._young.values()]
        ranked = sorted(everyone, key=attrgetter("fitness"), reverse=True)
        self._population = ranked[: self._size]

    def _step(self) -> Proposal | None:
        for _ in range(TRIES):
            vary = self._cross if self._rng.random() < self._crossover else self._mutate
            parent = self._parent()
            child = vary(parent)
            if child is not None and child not in self._asked:
                return Proposal(child, parent.program)
        return None

    def _parent(self) -> Member:
        """The winner of a tournament of two."""
        ranked = self._population or [self._origin]
        return ranked[min(self._rng.randrange(len(ranked)), self._rng.randrange(len(ranked)))]

    def _mutate(self, parent: Member) -> Program | None:
        """A neighbour of `parent`, if one is left."""
        return parent.moves(self.space).draw(self._rng)

    def _cross(self, parent: Member) -> Program | None:
        """The first layers as in `parent`, the last as in another, if that is a new program."""
        left, right = parent.program, self._parent().program
        cut = self._rng.randint(0, self.space.num_layers)
        # A segment that is cut keeps its operation on the layers that remain of it.
        path = (*(i for i in left.path if i < cut), *(i for i in right.path if i >= cut))
        child = Program.unchecked(path, left.num_layers, self.space.max_segment)
        # Most often it is one of the parents again, which is cheaper to see than the space.
        is_new = path and child not in self._asked and child in self.space
        return child if is_new else None
