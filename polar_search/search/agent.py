"""The contract of an agent: a search strategy that proposes programs and is told their outcomes.

An agent sees programs and outcomes, never the engine, the store or the cluster.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

from polar_search.program import Program, ProgramSpace
from polar_search.registry import Registry
from polar_search.search.outcome import Outcome

Scope = Literal["example", "dataset"]
"""An agent for each example, or one agent for all of them, which seeks static programs."""

DATASET = "*"
"""Stands for all examples where an id is expected: in the trace, the seed and the context."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A program to try, and the program it was made from."""

    program: Program
    parent: Program | None = None


@dataclass(frozen=True)
class Context:
    """What an agent may know before its first `ask`.

    Nothing here depends on what the run has stored already, so that an agent that is replayed after
    an interruption asks the same again.

    Attributes:
        example_id: Of its example; `DATASET` if there is one agent for all.
        question: Of its example; empty if there is one agent for all.
        examples: How many examples every program is tried on.
        similarity: Mean cosine similarity of the hidden states before layers i and j of the
            standard pass, `[D + 1, D + 1]` with the last layer's output as row D, over the tokens
            of a few prompts; None unless the agent `wants_similarity`.
    """

    example_id: str
    question: str
    examples: int = 1
    similarity: tuple[tuple[float, ...], ...] | None = None


class Agent(ABC):
    """A search strategy; a subclass needs only `ask`.

    With scope "example" there is one agent for each example, with scope "dataset" one for all. The
    driver evaluates the identity first and tells its outcomes, so that an agent never asks for it.
    All randomness comes from `seed`, and what is asked depends on that, the space, the options, the
    context and what was told alone.
    An option is a keyword argument of the constructor with a default and a type; an agent that can
    do both scopes has an option `scope`.
    """

    scope: Scope = "example"
    wants_similarity: ClassVar[bool] = False
    """Whether the context is to have the similarity of hidden states, which takes a forward."""
    usual_edits: ClassVar[int] = 2
    """The edits of a program at most in a search that does not say how many."""

    def __init__(self, space: ProgramSpace, seed: int) -> None:
        self.space = space
        self.seed = seed

    def prepare(self, context: Context) -> None:  # noqa: B027
        """Called once before the first `ask`; by default the context is of no use."""

    @abstractmethod
    def ask(self, n: int) -> Sequence[Program | Proposal]:
        """Up to `n` programs of the space, none of them asked before; empty when done."""

    def tell(self, outcomes: Sequence[Outcome]) -> None:  # noqa: B027
        """The outcomes of the last `ask`, in the order asked. By default not used.

        With scope "example" all of them at once. With scope "dataset" chunk by chunk: those of one
        chunk of examples, for every program of the last `ask` that was not withdrawn, example after
        example within a program. The next `ask` comes after the last chunk.
        """

    def withdraw(self) -> Collection[Program]:
        """Programs of the last `ask` that are not worth more examples; by default none.

        Called after every chunk but the last; they are not tried on the examples that remain.
        """
        return ()


MakeAgent = Callable[[ProgramSpace, int], Agent]
"""Builds an agent from its space and seed: a class, or a `functools.partial` with options."""

AGENTS = Registry("an agent", "polar_search.agents", Agent)  # type: ignore[type-abstract]
"""Strategies by name."""


def seed_of_example(seed: int, example_id: str) -> int:
    """The seed of an example's agent: it depends on the run's seed and the example's id alone.

    One seed for all examples would propose the same programs to each, and fake a menu of programs
    that seem to help many.
    """
    digest = hashlib.sha256(f"{seed}:{example_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def agent_class(make_agent: MakeAgent) -> type[Agent]:
    """The class of which `make_agent` fills in the options."""
    return cast("type[Agent]", getattr(cast("Any", make_agent), "func", make_agent))


def scope_of(make_agent: MakeAgent) -> Scope:
    """The scope that the option of this name asks for; the class's where there is none such."""
    scope: Scope = getattr(make_agent, "keywords", {}).get("scope", agent_class(make_agent).scope)
    return scope
