"""The contract of an agent: a search strategy that proposes programs and is told their outcomes.

An agent sees programs and outcomes, never the engine, the store or the cluster.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from polar_search.program import Program, ProgramSpace
from polar_search.registry import Registry
from polar_search.search.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Proposal:
    """A program to try, and the program it was made from."""

    program: Program
    parent: Program | None = None


@dataclass(frozen=True)
class Context:
    """What an agent may know before its first `ask`: its example.

    Nothing here depends on what the run has stored already, so that an agent that is replayed after
    an interruption asks the same again.
    """

    example_id: str
    question: str


class Agent(ABC):
    """A search strategy; a subclass needs only `ask`.

    There is one agent for each example. The driver evaluates the identity first and tells its
    outcome, so that an agent never asks for it. All randomness comes from `seed`, and what is asked
    depends on that, the space, the options and what was told alone.
    An option is a keyword argument of the constructor with a default and a type.
    """

    def __init__(self, space: ProgramSpace, seed: int) -> None:
        self.space = space
        self.seed = seed

    def prepare(self, context: Context) -> None:  # noqa: B027
        """Called once before the first `ask`; by default the context is of no use."""

    @abstractmethod
    def ask(self, n: int) -> Sequence[Program | Proposal]:
        """Up to `n` programs of the space, none of them asked before; empty when done."""

    def tell(self, outcomes: Sequence[Outcome]) -> None:  # noqa: B027
        """The outcomes of the last `ask`, all of them, in the order asked. By default not used."""


AGENTS = Registry("an agent", "polar_search.agents", Agent)  # type: ignore[type-abstract]
"""Strategies by name."""


def seed_of_example(seed: int, example_id: str) -> int:
    """The seed of an example's agent: it depends on the run's seed and the example's id alone.

    One seed for all examples would propose the same programs to each, and fake a menu of programs
    that seem to help many.
    """
    digest = hashlib.sha256(f"{seed}:{example_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big")
