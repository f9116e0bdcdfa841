"""The search driver: many examples at once, each with an agent of its own, one evaluation a round.

In a round every agent in work is asked for its next programs; those not yet known are executed
together; every agent is told its own outcomes, all of them, in the order asked. So what an agent
sees depends on its example and seed alone, not on the examples beside it. After an interruption
the agents are replayed: they ask the same again, and the answers come from the store.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from traceback import extract_tb

from polar_search.errors import AgentError, one_line
from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import Agent, Context, Proposal, seed_of_example
from polar_search.search.config import Budget
from polar_search.search.evaluation import Evaluator
from polar_search.search.outcome import Outcome, TraceStep
from polar_search.search.store import Store
from polar_search.tasks import Example

MakeAgent = Callable[[ProgramSpace, int], Agent]


@dataclass
class Progress:
    """What a search has done so far. Outcomes are executed or reused from the store."""

    examples: int = 0
    programs: int = 0
    executed: int = 0
    reused: int = 0
    valid: int = 0
    engine_seconds: float = 0.0
    seconds: float = 0.0


@dataclass
class _Slot:
    """An example in work: its agent, what is known of it, and what was asked last."""

    example: Example
    agent: Agent
    known: dict[Program, Outcome]
    traced: set[int]
    steps: int = 0
    asked: set[Program] = field(default_factory=set)
    batch: list[Proposal] = field(default_factory=list)

    def unknown(self) -> list[tuple[Example, Program]]:
        """What has to be executed before the agent can be told."""
        programs = (proposal.program for proposal in self.batch)
        return [(self.example, program) for program in programs if program not in self.known]

    def untraced(self) -> list[TraceStep]:
        """The steps of the last batch that the store does not hold yet."""
        first = self.steps - len(self.batch)
        steps = [
            TraceStep(self.example.id, first + i, proposal.program, proposal.parent)
            for i, proposal in enumerate(self.batch)
        ]
        return [step for step in steps if step.step not in self.traced]


class Driver:
    """Searches examples with one agent each.

    Args:
        evaluator: Executes and grades.
        store: Keeps what comes out, and knows what came out before.
        space: What the agents may propose.
        make_agent: Builds an agent from the space and a seed.
        budget: How much is asked.
        seed: Of the run.
        on_progress: Called after every round.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        store: Store,
        space: ProgramSpace,
        make_agent: MakeAgent,
        budget: Budget,
        seed: int,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._evaluator, self._store, self._space = evaluator, store, space
        self._make_agent, self._budget, self._seed = make_agent, budget, seed
        self._on_progress = on_progress
        self._identity = Program.identity(space.num_layers)

    def search(self, examples: Sequence[Example]) -> Progress:
        """Search all `examples`. Whatever ends it early, what was computed is stored.

        Raises:
            AgentError: An agent broke its contract; the message names it and its example.
        """
        progress, started = Progress(), time.monotonic()
        waiting, slots = iter(examples), list[_Slot]()
        try:
            while True:
                slots += self._start(waiting, self._budget.examples_in_work - len(slots))
                if not slots:
                    return progress
                self._execute(slots, progress)
                for slot in slots:
                    with self._blaming(slot.example):
                        slot.agent.tell([slot.known[p.program] for p in slot.batch])
                going_on = [slot for slot in slots if self._ask(slot)]
                progress.examples += len(slots) - len(going_on)
                slots = going_on
                progress.seconds = time.monotonic() - started
                if self._on_progress:
                    self._on_progress(progress)
        finally:
            self._store.flush()

    def _start(self, waiting: Iterator[Example], count: int) -> list[_Slot]:
        """Take up to `count` waiting examples into work, each with the identity to begin with."""
        return [self._slot(example) for example in islice(waiting, count)]

    def _slot(self, example: Example) -> _Slot:
        with self._blaming(example):
            agent = self._make_agent(self._space, seed_of_example(self._seed, example.id))
            agent.prepare(Context(example.id, example.question))
        known = self._store.known(example.id, self._space.num_layers)
        slot = _Slot(example, agent, known, self._store.traced_steps(example.id))
        self._take(slot, [Proposal(self._identity)])
        return slot

    def _execute(self, slots: Sequence[_Slot], progress: Progress) -> None:
        """Execute what is unknown in the batches of all slots, and store it with the steps."""
        jobs = [job for slot in slots for job in slot.unknown()]
        started = time.monotonic()
        outcomes = self._evaluator.evaluate(jobs) if jobs else []
        progress.engine_seconds += time.monotonic() - started
        by_example = {slot.example.id: slot for slot in slots}
        for outcome in outcomes:
            by_example[outcome.example_id].known[outcome.program] = outcome
        self._store.append(outcomes, [step for slot in slots for step in slot.untraced()])

        asked = [slot.known[p.program] for slot in slots for p in slot.batch]
        progress.programs += len(asked)
        progress.executed += len(outcomes)
        progress.reused += len(asked) - len(outcomes)
        progress.valid += sum(outcome.correct for outcome in asked)

    def _ask(self, slot: _Slot) -> bool:
        """Ask the agent of `slot` for its next batch; False when there is none."""
        count = self._budget.ask_batch
        if self._budget.programs is not None:
            # The identity, step 0, is outside the budget.
            count = min(count, self._budget.programs - (slot.steps - 1))
        with self._blaming(slot.example):
            asked = list(slot.agent.ask(count)) if count else []
        proposals = [p if isinstance(p, Proposal) else Proposal(p) for p in asked]
        self._check(slot, proposals, count)
        self._take(slot, proposals)
        return bool(proposals)

    def _take(self, slot: _Slot, proposals: list[Proposal]) -> None:
        slot.batch = proposals
        slot.steps += len(proposals)
        slot.asked.update(p.program for p in proposals)

    def _check(self, slot: _Slot, proposals: Sequence[Proposal], count: int) -> None:
        """Hold the agent to its contract."""
        name = self._name(slot.example)
        if len(proposals) > count:
            raise AgentError(
                f"expected at most {count} programs from {name}, received {len(proposals)}; "
                "return no more than `ask` was given"
            )
        seen = set(slot.asked)
        for proposal in proposals:
            if not isinstance(proposal.program, Program):
                raise AgentError(
                    f"expected programs from {name}, received {proposal.program!r}; "
                    "make one with `Program.from_path`"
                )
            if proposal.program in seen:
                raise AgentError(
                    f"expected new programs from {name}, received '{proposal.program}' again; "
                    "remember what was asked (the identity counts as asked)"
                )
            if proposal.program not in self._space:
                raise AgentError(
                    f"expected programs of its space from {name}, received "
                    f"'{proposal.program}'; check with `program in space`"
                )
            seen.add(proposal.program)

    @contextmanager
    def _blaming(self, example: Example) -> Iterator[None]:
        """Turn whatever an agent raises into one line that names it and where it happened."""
        try:
            yield
        except Exception as error:
            frame = extract_tb(error.__traceback__)[-1]
            raise AgentError(
                f"expected no error from {self._name(example)}, received {one_line(error)} "
                f"({frame.filename}, line {frame.lineno}); correct the agent"
            ) from error

    def _name(self, example: Example) -> str:
        # An agent with options filled in is a partial of its class.
        agent = getattr(self._make_agent, "func", self._make_agent)
        return f"agent {agent.__name__} on example {example.id}"
