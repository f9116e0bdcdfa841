"""Evaluation: examples and programs in, graded outcomes out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from polar_search.execution import ProgramEngine, Row
from polar_search.execution.similarity import hidden_similarity
from polar_search.program import Program
from polar_search.search.outcome import Outcome
from polar_search.tasks import Example, Task

Job = tuple[Example, Program]


class _Answer(NamedTuple):
    """A text, and whether it counts: a program whose numbers overflow has answered nothing."""

    text: str
    sound: bool


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

    def evaluate(self, jobs: Sequence[Job]) -> list[Outcome]:
        """The outcomes of `jobs`, in their order: executed together, and graded together."""
        answers = self._answers(jobs)
        sound = [(job[0], a.text) for job, a in zip(jobs, answers, strict=True) if a.sound]
        verdicts = iter(self.task.grade_all(sound))
        outcomes = []
        for (example, program), answer in zip(jobs, answers, strict=True):
            correct = answer.sound and next(verdicts).correct
            outcomes.append(Outcome(example.id, example.level, program, answer.text, correct))
        return outcomes

    def _answers(self, jobs: Sequence[Job]) -> list[_Answer]:
        """Chosen among the example's choices where it has some, else written."""
        choices = [tuple(self.task.choices(example)) for example, _ in jobs]
        written = iter(self._write([j for j, c in zip(jobs, choices, strict=True) if not c]))
        scored = [(job, c) for job, c in zip(jobs, choices, strict=True) if c]
        chosen = iter(self._choose([job for job, _ in scored], [c for _, c in scored]))
        return [next(chosen if c else written) for c in choices]

    def _write(self, jobs: Sequence[Job]) -> list[_Answer]:
        if not jobs:
            return []
        rows = [Row(self._prompt(example), program) for example, program in jobs]
        generations = self.engine.generate(
            rows, max_new_tokens=self.max_new_tokens, stop=self.task.stop
        )
        # What no file can hold (a lone surrogate) is replaced before it is graded and stored.
        return [
            _Answer((g.text or "").encode(errors="replace").decode(), g.finish_reason != "nan")
            for g in generations
        ]

    def _choose(self, jobs: Sequence[Job], choices: Sequence[Sequence[str]]) -> list[_Answer]:
        if not jobs:
            return []
        rows = [(self._prompt(example), program) for example, program in jobs]
        answers = []
        for texts, worth in zip(choices, self.engine.score(rows, choices), strict=True):
            best = max(worth)
            answers.append(_Answer(texts[worth.index(best)], best > -math.inf))
        return answers

    def _prompt(self, example: Example) -> str:
        return self.task.prompt(example, self.engine.tokenizer)

    def similarity(self, examples: Sequence[Example]) -> tuple[tuple[float, ...], ...]:
        """Mean cosine similarity of the hidden states before any two layers, on some prompts."""
        prompts = [self._prompt(example) for example in examples]
        return hidden_similarity(self.engine.model, self.engine.tokenizer, prompts)
