"""The search driver: many agents at once, one evaluation a round.

In a round every agent in work is asked for its next programs; those not yet known are executed
together; every agent is told its own outcomes, all of them, in the order asked. So what an agent
sees depends on its example and seed alone, not on the examples beside it. After an interruption
the agents are replayed: they ask the same again, and the answers come from the store.

An agent of dataset scope is alone in the run, and its rounds are the chunks of examples.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from traceback import extract_tb

from polar_search.errors import AgentError, one_line
from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import (
    DATASET,
    Context,
    MakeAgent,
    Proposal,
    agent_class,
    scope_of,
    seed_of_example,
)
from polar_search.search.config import Budget, OnAgentError
from polar_search.search.evaluation import Evaluates
from polar_search.search.outcome import Outcome
from polar_search.search.slot import Job, Slot
from polar_search.search.store import Store
from polar_search.search.timelimit import time_limit
from polar_search.tasks import Example


@dataclass(frozen=True)
class Failure:
    """An agent that broke its contract, raised or took too long.

    Attributes:
        example_id: Its example, or `DATASET`.
        message: One line that names both and says what happened.
    """

    example_id: str
    message: str


@dataclass
class Progress:
    """What a search has done so far. Outcomes are executed or reused from the store.

    Attributes:
        examples: Examples done, those whose agents failed not counted.
        programs: Outcomes that agents were told.
        executed: Outcomes that were executed for it.
        reused: Outcomes that the store held.
        valid: Outcomes that are correct.
        engine_seconds: Time for executing and grading.
        agent_seconds: Time that agents took to be made, to ask and to be told.
        seconds: Time in all.
        failures: Agents that failed. What they had been told by then is stored.
    """

    examples: int = 0
    programs: int = 0
    executed: int = 0
    reused: int = 0
    valid: int = 0
    engine_seconds: float = 0.0
    agent_seconds: float = 0.0
    seconds: float = 0.0
    failures: list[Failure] = field(default_factory=list)


@dataclass(frozen=True)
class Searched:
    """An example at its end: programs told to its agent, the identity included, and valid ones."""

    example_id: str
    programs: int
    valid: int


class Driver:
    """Searches examples: with one agent each, or with one for all.

    Args:
        evaluator: Executes and grades.
        store: Keeps what comes out, and knows what came out before.
        space: What the agents may propose.
        make_agent: Builds an agent from the space and a seed.
        budget: How much is asked.
        seed: Of the run.
        on_progress: Called after every round of `search`.
        on_agent_error: Whether a failing agent ends the search, or only its own part of it.

    Attributes:
        progress: What was done so far.
    """

    def __init__(
        self,
        evaluator: Evaluates,
        store: Store,
        space: ProgramSpace,
        make_agent: MakeAgent,
        budget: Budget,
        seed: int,
        on_progress: Callable[[Progress], None] | None = None,
        on_agent_error: OnAgentError = "continue",
    ) -> None:
        self._evaluator, self._store, self._space = evaluator, store, space
        self._make_agent, self._budget, self._seed = make_agent, budget, seed
        self._on_progress, self._on_agent_error = on_progress, on_agent_error
        self._agent = agent_class(make_agent)
        self._identity = Program.identity(space.num_layers)
        self.progress = Progress()

    def search(self, examples: Iterable[Example]) -> Progress:
        """Search all `examples`. Whatever ends it early, what was computed is stored.

        Raises:
            AgentError: An agent failed, and `on_agent_error` is "stop"; the message names it and
                its example.
        """
        with closing(self.rounds(examples)) as rounds:
            for _ in rounds:
                if self._on_progress:
                    self._on_progress(self.progress)
        return self.progress

    def rounds(self, examples: Iterable[Example]) -> Generator[list[Searched], None, None]:
        """Search round by round; each gives the examples that came to their end in it.

        In example scope `examples` may be an iterator that has none for now and more later: it is
        asked again in every round that leaves room for another.
        """
        waiting, slots, last = self._subjects(examples), list[Slot](), time.monotonic()
        try:
            while True:
                free = self._budget.examples_in_work - len(slots)
                slots += self._start(waiting, free, self.progress)
                if not slots:
                    return
                told = self._execute([slot.jobs() for slot in slots], slots, self.progress)
                going_on, ended = list[Slot](), list[Slot]()
                for slot, outcomes in zip(slots, told, strict=True):
                    goes_on = False
                    with self._guarding(slot.name, slot.subject, self.progress):
                        goes_on = self._advance(slot, outcomes)
                        self.progress.examples += 0 if goes_on else len(slot.examples)
                    (going_on if goes_on else ended).append(slot)
                slots, now = going_on, time.monotonic()
                self.progress.seconds, last = self.progress.seconds + now - last, now
                yield [Searched(slot.subject, slot.told, slot.correct) for slot in ended]
        finally:
            self._store.flush()

    def _subjects(self, examples: Iterable[Example]) -> Iterator[tuple[str, Sequence[Example]]]:
        """What agents are made for, and its examples."""
        if scope_of(self._make_agent) == "example":
            return map(_alone, examples)  # unlike a generator, it may go on after it had nothing
        # In an order of its own, so that a chunk is a sample: tasks list their levels in turn.
        mixed = sorted(examples, key=lambda example: seed_of_example(self._seed, example.id))
        return iter([(DATASET, mixed)])

    def _start(
        self, waiting: Iterator[tuple[str, Sequence[Example]]], count: int, progress: Progress
    ) -> list[Slot]:
        """Take up to `count` of the waiting into work, each with the identity to begin with."""
        slots: list[Slot] = []
        while len(slots) < count and (taken := list(islice(waiting, count - len(slots)))):
            for subject, examples in taken:
                slot = self._slot(subject, examples, progress)
                slots += [slot] if slot else []
        return slots

    def _slot(self, subject: str, examples: Sequence[Example], progress: Progress) -> Slot | None:
        """A new agent with what it needs; None if it fails at once."""
        name, chunk = self._name(subject), self._budget.chunk
        known = {e.id: self._store.known(e.id, self._space.num_layers) for e in examples}
        traced = self._store.traced_steps(subject)
        similarity = None
        if self._agent.wants_similarity:
            similarity = self._evaluator.similarity(examples[:chunk])
        question = "" if subject == DATASET else examples[0].question
        with self._guarding(name, subject, progress):
            agent = self._make_agent(self._space, seed_of_example(self._seed, subject))
            agent.prepare(Context(subject, question, len(examples), similarity))
            slot = Slot(name, subject, examples, chunk, agent, known, traced)
            slot.take([Proposal(self._identity)])
            return slot
        return None

    def _execute(
        self, jobs: Sequence[Sequence[Job]], slots: Sequence[Slot], progress: Progress
    ) -> list[list[Outcome]]:
        """The outcomes of each slot's jobs: known, or executed now and stored with the steps."""
        unknown = [
            job
            for slot, own in zip(slots, jobs, strict=True)
            for job in own
            if slot.known_outcome(job) is None
        ]
        started, rows = time.monotonic(), self._budget.rows
        executed: list[Outcome] = []
        for first in range(0, len(unknown), rows):
            part = self._evaluator.evaluate(unknown[first : first + rows])
            self._store.append(part, [])
            executed += part
        progress.engine_seconds += time.monotonic() - started
        self._store.append([], [step for slot in slots for step in slot.untraced()])

        new = iter(executed)
        told = [
            [slot.known_outcome(job) or next(new) for job in own]
            for slot, own in zip(slots, jobs, strict=True)
        ]
        count = sum(map(len, told))
        progress.programs += count
        progress.executed += len(executed)
        progress.reused += count - len(executed)
        progress.valid += sum(outcome.correct for outcomes in told for outcome in outcomes)
        return told

    def _advance(self, slot: Slot, outcomes: Sequence[Outcome]) -> bool:
        """Tell the agent, and ask it again at the end of its batch; False when it is done."""
        if not slot.tell(outcomes):
            return True
        if self._has_enough(slot):
            return False
        count = self._budget.ask_batch
        if self._budget.programs is not None:
            # The identity, step 0, is outside the budget.
            count = min(count, self._budget.programs - (slot.steps - 1))
        return count > 0 and slot.ask(count, self._space)

    def _has_enough(self, slot: Slot) -> bool:
        """Whether the example has the valid programs that are wanted."""
        valid, shorter = self._budget.stop_after_valid, self._budget.stop_after_shorter
        return (valid is not None and slot.valid >= valid) or (
            shorter is not None and slot.shorter >= shorter
        )

    @contextmanager
    def _guarding(self, name: str, subject: str, progress: Progress) -> Iterator[None]:
        """Time what an agent does, and limit it to itself when it fails."""
        started = time.monotonic()
        try:
            with _blaming(name), time_limit(self._budget.ask_seconds):
                yield
        except AgentError as error:
            if self._on_agent_error == "stop":
                raise
            progress.failures.append(Failure(subject, str(error)))
        finally:
            progress.agent_seconds += time.monotonic() - started

    def _name(self, subject: str) -> str:
        where = "all examples" if subject == DATASET else f"example {subject}"
        return f"agent {self._agent.__name__} on {where}"


def _alone(example: Example) -> tuple[str, Sequence[Example]]:
    """An example as the subject of an agent of its own."""
    return example.id, [example]


@contextmanager
def _blaming(name: str) -> Iterator[None]:
    """Turn whatever an agent raises into one line that names it and where it happened."""
    try:
        yield
    except AgentError:
        raise
    except Exception as error:
        frame = extract_tb(error.__traceback__)[-1]
        raise AgentError(
            f"expected no error from {name}, received {one_line(error)} "
            f"({frame.filename}, line {frame.lineno}); correct the agent"
        ) from error
