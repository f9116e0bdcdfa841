"""Local search: hill climbing over neighbouring programs, with random restarts.

Russell and Norvig, "Artificial Intelligence: A Modern Approach", section 4.1 (steepest-ascent hill
climbing, random restarts), on the neighbourhood of `ProgramSpace.neighbours`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from random import Random

from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import Agent, Proposal
from polar_search.search.outcome import Outcome

from .moves import Moves
from .random import RandomAgent


def height(outcome: Outcome) -> float:
    """What is climbed: valid above invalid, and the shallower the higher.

    Invalid programs are all equally low: shallower ones among them lead away from valid ones.
    """
    return -outcome.program.depth if outcome.correct else -inf


class LocalAgent(Agent):
    """Hill climbing from the standard pass: valid first, then shallower, with random restarts.

    Neighbours are asked in random order, and after each batch the climb goes on from the best
    program of the batch if that is higher. So a batch of one takes any improvement, and a batch of
    all neighbours the best one. From a local optimum on, programs are drawn from all of the space
    until one is valid, and the next climb starts there.
    """

    def __init__(self, space: ProgramSpace, seed: int) -> None:
        super().__init__(space, seed)
        self._rng = Random(seed)
        self._anywhere = RandomAgent(space, seed)
        self._here, self._height = Program.identity(space.num_layers), -inf
        self._moves = Moves(space, self._here)
        self._asked = {self._here}

    def ask(self, n: int) -> list[Proposal]:
        """Up to `n` neighbours of where the climb has come to, then programs from anywhere."""
        proposals: list[Proposal] = []
        while len(proposals) < n and (proposal := self._next()) is not None:
            self._asked.add(proposal.program)
            proposals.append(proposal)
        return proposals

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Climbs to the best of `outcomes` if it is higher."""
        best = max(outcomes, key=height)
        if height(best) > self._height:
            self._here, self._height = best.program, height(best)
            self._moves = Moves(self.space, self._here)
        elif not self._moves:
            self._height = -inf  # a local optimum: any valid program is a new start

    def _next(self) -> Proposal | None:
        while (neighbour := self._moves.draw(self._rng)) is not None:
            if neighbour not in self._asked:
                return Proposal(neighbour, parent=self._here)
        while drawn := self._anywhere.ask(1):
            if drawn[0] not in self._asked:
                return Proposal(drawn[0])
        return None
