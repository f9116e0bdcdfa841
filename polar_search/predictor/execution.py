"""Executing programs for a predictor: what it answered before is not run again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from polar_search.program import Program
from polar_search.search.evaluation import Evaluator
from polar_search.search.outcome import Outcome
from polar_search.tasks import Example

CHUNK = 8192
"""Rows of one engine call at most."""


class Executor:
    """Programs on examples, as batches of the engine, each (example, program) once.

    Attributes:
        evaluator: Executes and grades.
        executed: Outcomes that were run so far.
    """

    def __init__(self, evaluator: Evaluator, known: Iterable[Outcome] = ()) -> None:
        self.evaluator = evaluator
        self.executed = 0
        self._known = {(outcome.example_id, outcome.program): outcome for outcome in known}

    def outcomes(self, examples: Sequence[Example], programs: Sequence[Program]) -> list[Outcome]:
        """The outcome of each example with its program, in their order."""
        keys = [(e.id, p) for e, p in zip(examples, programs, strict=True)]
        new = {
            key: (example, key[1])
            for key, example in zip(keys, examples, strict=True)
            if key not in self._known
        }
        jobs = list(new.values())
        for i in range(0, len(jobs), CHUNK):
            for outcome in self.evaluator.evaluate(jobs[i : i + CHUNK]):
                self._known[outcome.example_id, outcome.program] = outcome
        self.executed += len(jobs)
        return [self._known[key] for key in keys]
