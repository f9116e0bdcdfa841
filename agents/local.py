"""Local search: hill climbing over neighbouring programs, with random restarts.

Russell and Norvig, "Artificial Intelligence: A Modern Approach", section 4.1 (steepest-ascent hill
climbing, random restarts), on the neighbourhood of `ProgramSpace.neighbours`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from polar_search.program import ProgramSpace
from polar_search.search.agent import Proposal
from polar_search.search.outcome import Outcome

from .moves import Moves
from .walking import WalkingAgent


def height(outcome: Outcome) -> float:
    """What is climbed: valid above invalid, and the shallower the higher.

    Invalid programs are all equally low: shallower ones among them lead away from valid ones.
    """
    return -outcome.program.depth if outcome.correct else -inf


class LocalAgent(WalkingAgent):
    """Hill climbing from the standard pass: valid first, then shallower, with random restarts.

    Neighbours are asked in random order, and after each batch the climb goes on from the best
    program of the batch if that is higher. So a batch of one takes any improvement, and a batch of
    all neighbours the best one. From a local optimum on, programs are drawn from all of the space
    until one is valid, and the next climb starts there.
    """

    def __init__(self, space: ProgramSpace, seed: int) -> None:
        super().__init__(space, seed)
        self._here, self._height = self._identity, -inf
        self._moves = Moves(space, self._here)

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Climbs to the best of `outcomes` if it is higher."""
        best = max(outcomes, key=height)
        if height(best) > self._height:
            self._here, self._height = best.program, height(best)
            self._moves = Moves(self.space, self._here)
        elif not self._moves:
            self._height = -inf  # a local optimum: any valid program is a new start

    def _step(self) -> Proposal | None:
        while (neighbour := self._moves.draw(self._rng)) is not None:
            if neighbour not in self._asked:
                return Proposal(neighbour, parent=self._here)
        return None
