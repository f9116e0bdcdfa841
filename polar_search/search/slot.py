"""An agent at work: on one example, or on all of them chunk by chunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from polar_search.errors import AgentError
from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import Agent, Proposal
from polar_search.search.outcome import Outcome, TraceStep
from polar_search.tasks import Example

Job = tuple[Example, Program]


@dataclass
class Slot:
    """An agent at work, and the batch that it asked last.

    An agent of one example is one whose examples are a single chunk of one; so both scopes go the
    same way.

    Attributes:
        name: Agent and example, for messages.
        subject: The example's id, or `DATASET`.
        examples: What every program is tried on, in this order.
        chunk: How many of them at a time.
        agent: Who asks.
        known: Outcomes that the store held, by example and program.
        traced: Steps that the store held.
        steps: Programs asked in all, the identity included.
        asked: All of them.
        batch: The last ones.
        working: Those of the batch that were not withdrawn.
        done: Examples that the batch was told of.
        told: Outcomes that the agent was told.
        correct: Those of them that are correct.
        valid: Valid programs found, the identity not counted.
        shorter: Those of them below the model's depth.
    """

    name: str
    subject: str
    examples: Sequence[Example]
    chunk: int
    agent: Agent
    known: Mapping[str, Mapping[Program, Outcome]]
    traced: set[int]
    steps: int = 0
    asked: set[Program] = field(default_factory=set)
    batch: list[Proposal] = field(default_factory=list)
    working: list[Program] = field(default_factory=list)
    done: int = 0
    told: int = 0
    correct: int = 0
    valid: int = 0
    shorter: int = 0

    def jobs(self) -> list[Job]:
        """What the agent is told next: its programs on a chunk of examples, by program."""
        chunk = self.examples[self.done : self.done + self.chunk]
        return [(example, program) for program in self.working for example in chunk]

    def known_outcome(self, job: Job) -> Outcome | None:
        """What the store held of a job."""
        example, program = job
        return self.known[example.id].get(program)

    def untraced(self) -> list[TraceStep]:
        """The steps of the last batch that are not stored yet, once: with its first chunk."""
        if self.done:
            return []
        first = self.steps - len(self.batch)
        steps = [
            TraceStep(self.subject, first + i, proposal.program, proposal.parent)
            for i, proposal in enumerate(self.batch)
        ]
        return [step for step in steps if step.step not in self.traced]

    def tell(self, outcomes: Sequence[Outcome]) -> bool:
        """Tell the outcomes of `jobs`; whether that was the end of the batch."""
        self.told += len(outcomes)
        self.correct += sum(outcome.correct for outcome in outcomes)
        self.agent.tell(outcomes)
        if self.steps > 1:
            found = [o.program for o in outcomes if o.correct]
            self.valid += len(found)
            self.shorter += sum(program.depth < program.num_layers for program in found)
        self.done += self.chunk
        if self.done >= len(self.examples):
            return True
        if self.steps == 1:
            return False  # what the others are compared with is tried on every example
        withdrawn = set(self.agent.withdraw())
        self.working = [program for program in self.working if program not in withdrawn]
        return not self.working

    def ask(self, count: int, space: ProgramSpace) -> bool:
        """Ask for the next batch of at most `count` programs; False when there is none.

        Raises:
            AgentError: The answer breaks the contract.
        """
        answer = self.agent.ask(count)
        proposals = [p if isinstance(p, Proposal) else Proposal(p) for p in answer]
        self._check(proposals, count, space)
        self.take(proposals)
        return bool(proposals)

    def take(self, proposals: list[Proposal]) -> None:
        """Make `proposals` the batch in work."""
        self.batch, self.done = proposals, 0
        self.working = [proposal.program for proposal in proposals]
        self.steps += len(proposals)
        self.asked.update(self.working)

    def _check(self, proposals: Sequence[Proposal], count: int, space: ProgramSpace) -> None:
        """Hold the agent to its contract."""
        if len(proposals) > count:
            raise AgentError(
                f"expected at most {count} programs from {self.name}, received {len(proposals)}; "
                "return no more than `ask` was given"
            )
        seen = set(self.asked)
        for program in (proposal.program for proposal in proposals):
            if not isinstance(program, Program):
                raise AgentError(
                    f"expected programs from {self.name}, received {program!r}; "
                    "make one with `Program.from_path`"
                )
            if program in seen:
                raise AgentError(
                    f"expected new programs from {self.name}, received '{program}' again; "
                    "remember what was asked (the identity counts as asked)"
                )
            if program not in space:
                raise AgentError(
                    f"expected programs of its space from {self.name}, received '{program}'; "
                    "check with `program in space`"
                )
            seen.add(program)
