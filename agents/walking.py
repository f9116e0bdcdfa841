"""What agents share that go from program to program: nothing twice, and chance where they end."""

from __future__ import annotations

from abc import abstractmethod
from random import Random

from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import Agent, Proposal

from .random import RandomAgent


class WalkingAgent(Agent):
    """Goes on from programs it knows; where it finds nothing new, a random program joins in."""

    def __init__(self, space: ProgramSpace, seed: int) -> None:
        super().__init__(space, seed)
        self._rng = Random(seed)
        self._anywhere = RandomAgent(space, seed)
        self._identity = Program.identity(space.num_layers)
        self._asked = {self._identity}

    def ask(self, n: int) -> list[Proposal]:
        """Up to `n` new programs, each from the step of this strategy or from anywhere."""
        proposals: list[Proposal] = []
        while len(proposals) < n and (proposal := self._step() or self._draw()) is not None:
            self._asked.add(proposal.program)
            proposals.append(proposal)
        return proposals

    @abstractmethod
    def _step(self) -> Proposal | None:
        """A new program by this strategy, or None when it finds none."""

    def _draw(self) -> Proposal | None:
        """A new program from anywhere in the space, or None when there is hardly any left."""
        while drawn := self._anywhere.ask(1):
            if drawn[0] not in self._asked:
                return Proposal(drawn[0])
        return None
