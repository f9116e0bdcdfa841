"""Executing programs for a predictor: what it answered before is not run again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from polar_search.program import Program
from polar_search.search.evaluation import Evaluator
from polar_search.search.outcome import Outcome
from polar_search.tasks import Example

CHUNK = 8192
"""Rows of one engine call at most."""


class Executes(Protocol):
    """What runs whole programs: an `Executor`, or the vector environment of `polar_search.envs`."""

    def evaluate(self, example_ids: Sequence[str], programs: Sequence[Program]) -> list[Outcome]:
        """The outcome of each example with its program, in their order, as one batch."""
        ...


class Executor:
    """Programs on examples, as batches of the engine, each (example, program) once.

    Attributes:
        evaluator: Executes and grades.
        executed: Outcomes that were run so far.
    """

    def __init__(
        self, evaluator: Evaluator, examples: Iterable[Example], known: Iterable[Outcome] = ()
    ) -> None:
        self.evaluator = evaluator
        self.executed = 0
        self._examples = {example.id: example for example in examples}
        self._known = {(outcome.example_id, outcome.program): outcome for outcome in known}

    def evaluate(self, example_ids: Sequence[str], programs: Sequence[Program]) -> list[Outcome]:
        """The outcome of each example with its program, in their order, as one batch."""
        keys = list(zip(example_ids, programs, strict=True))
        new = [key for key in dict.fromkeys(keys) if key not in self._known]
        jobs = [(self._examples[example_id], program) for example_id, program in new]
        for i in range(0, len(jobs), CHUNK):
            for outcome in self.evaluator.evaluate(jobs[i : i + CHUNK]):
                self._known[outcome.example_id, outcome.program] = outcome
        self.executed += len(jobs)
        return [self._known[key] for key in keys]
