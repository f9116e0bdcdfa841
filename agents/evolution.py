"""Evolution: a population of programs, varied by mutation and crossover, of which the best survive.

A steady-state (mu + lambda) strategy; Eiben and Smith, "Introduction to Evolutionary Computing",
chapters 3 to 5. A mutation is one change of one segment, a crossover joins the first layers of one
program with the last layers of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from operator import attrgetter
from random import Random

from polar_search.errors import ConfigError
from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import Agent, Proposal
from polar_search.search.outcome import Outcome

from .moves import Moves
from .random import RandomAgent

TRIES = 20
"""Variations in a row that gave nothing new before a random program joins in."""


class Member:
    """A program of the population; `moves` are the mutations of it that were not tried yet."""

    __slots__ = ("_moves", "fitness", "program")

    def __init__(self, program: Program, fitness: float) -> None:
        self.program, self.fitness = program, fitness
        self._moves: Moves | None = None

    def moves(self, space: ProgramSpace) -> Moves:
        """The mutations not tried yet, listed only when needed."""
        if self._moves is None:
            self._moves = Moves(space, self.program)
        return self._moves


class EvolutionAgent(Agent):
    """Evolution from the standard pass: mutation and crossover of segments, the best survive.

    Fit is valid first, then shallower; among equals, who came first. Parents win a tournament of
    two.

    Args:
        space: The programs that may be asked.
        seed: Of everything random.
        population: Programs that survive, at most.
        crossover: Probability that a program is made by crossover, not by mutation.

    Raises:
        ConfigError: There is no population.
    """

    def __init__(
        self, space: ProgramSpace, seed: int, population: int = 16, crossover: float = 0.5
    ) -> None:
        super().__init__(space, seed)
        if population < 1:
            raise ConfigError(f"expected a population above 0, received {population}; raise it")
        self._size, self._crossover = population, crossover
        self._rng = Random(seed)
        self._anywhere = RandomAgent(space, seed)
        self._origin = Member(Program.identity(space.num_layers), fitness=-inf)
        self._population: list[Member] = []  # the fittest first
        self._asked = {self._origin.program}

    def ask(self, n: int) -> list[Proposal]:
        """Up to `n` new variations of the population."""
        proposals: list[Proposal] = []
        while len(proposals) < n and (proposal := self._next()) is not None:
            self._asked.add(proposal.program)
            proposals.append(proposal)
        return proposals

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Selects: the fittest of the population and the told programs survive."""
        told = [Member(outcome.program, fitness(outcome)) for outcome in outcomes]
        ranked = sorted([*self._population, *told], key=attrgetter("fitness"), reverse=True)
        self._population = ranked[: self._size]

    def _next(self) -> Proposal | None:
        for _ in range(TRIES):
            vary = self._cross if self._rng.random() < self._crossover else self._mutate
            parent = self._parent()
            child = vary(parent)
            if child is not None and child not in self._asked:
                return Proposal(child, parent.program)
        while drawn := self._anywhere.ask(1):
            if drawn[0] not in self._asked:
                return Proposal(drawn[0])
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


def fitness(outcome: Outcome) -> float:
    """Valid above invalid, and the shallower the fitter; invalid programs are all alike."""
    return -outcome.program.depth if outcome.correct else -inf
