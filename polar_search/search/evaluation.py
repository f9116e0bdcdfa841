"""Evaluation: examples and programs in, graded outcomes out."""

from __future__ import annotations

from collections.abc import Sequence

from polar_search.execution import ProgramEngine, Row
from polar_search.program import Program
from polar_search.search.outcome import Outcome
from polar_search.tasks import Example, Task


class Evaluator:
    """Runs programs on the examples of a task and grades the answers.

    Args:
        engine: Executes the programs.
        task: Gives prompts and grades.
        max_new_tokens: Length of an answer at most, in tokens; None is the task's own.
    """

    def __init__(
        self, engine: ProgramEngine, task: Task, max_new_tokens: int | None = None
    ) -> None:
        self.engine, self.task = engine, task
        self.max_new_tokens = max_new_tokens or task.max_new_tokens

    def evaluate(self, jobs: Sequence[tuple[Example, Program]]) -> list[Outcome]:
        """The outcomes of `jobs`, in their order, all executed in one engine call."""
        rows = [
            Row(self.task.prompt(example, self.engine.tokenizer), program)
            for example, program in jobs
        ]
        generations = self.engine.generate(
            rows, max_new_tokens=self.max_new_tokens, stop=self.task.stop
        )
        outcomes = []
        for (example, program), generation in zip(jobs, generations, strict=True):
            # What no file can hold (a lone surrogate) is replaced before it is graded and stored.
            text = (generation.text or "").encode(errors="replace").decode()
            # A program whose numbers overflow has answered nothing, whatever came before.
            sound = generation.finish_reason != "nan"
            correct = sound and self.task.grade(example, text).correct
            outcomes.append(Outcome(example.id, example.level, program, text, correct))
        return outcomes
