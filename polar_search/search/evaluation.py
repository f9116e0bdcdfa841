"""Evaluation: examples and programs in, graded outcomes out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from polar_search.execution import (
    Generation,
    ProgramEngine,
    Row,
    generate_reference,
    score_reference,
)
from polar_search.execution.similarity import hidden_similarity
from polar_search.program import Program
from polar_search.search.outcome import Outcome, Source
from polar_search.tasks import Example, Task

Job = tuple[Example, Program]


class _Answer(NamedTuple):
    """A text, and whether it counts: a program whose numbers overflow has answered nothing."""

    text: str
    sound: bool

    @classmethod
    def written(cls, generation: Generation) -> _Answer:
        """A generated text, as it can be graded and stored."""
        # What no file can hold (a lone surrogate) is replaced.
        text = (generation.text or "").encode(errors="replace").decode()
        return cls(text, generation.finish_reason != "nan")

    @classmethod
    def chosen(cls, texts: Sequence[str], worth: Sequence[float]) -> _Answer:
        """The text that is worth most."""
        best = max(worth)
        return cls(texts[worth.index(best)], best > -math.inf)


class Evaluates(Protocol):
    """Turns examples and programs into outcomes: `Evaluator` here, or the workers of a cluster."""

    def evaluate(self, jobs: Sequence[Job]) -> list[Outcome]:
        """The outcomes of `jobs`, in their order."""

    def confirm(self, jobs: Sequence[Job]) -> list[Outcome]:
        """The outcomes of `jobs`, each executed alone by the reference."""

    def similarity(self, examples: Sequence[Example]) -> tuple[tuple[float, ...], ...]:
        """Mean cosine similarity of the hidden states before any two layers, on some prompts."""


class Evaluator:
    """Runs programs on the examples of a task and grades the answers.

    Args:
        engine: Executes the programs.
        task: Gives prompts and grades.
        max_new_tokens: Length of an answer at most, in tokens; None is the task's own.
        settle: Whether answers end as soon as they can only be wrong. Verdicts stay the same, and
            outcomes have no texts.
    """

    def __init__(
        self,
        engine: ProgramEngine,
        task: Task,
        max_new_tokens: int | None = None,
        *,
        settle: bool = False,
    ) -> None:
        self.engine, self.task, self.settle = engine, task, settle
        self.max_new_tokens = max_new_tokens or task.max_new_tokens

    def evaluate(self, jobs: Sequence[Job]) -> list[Outcome]:
        """The outcomes of `jobs`, in their order: executed together, and graded together."""
        return self._graded(jobs, self._answers(jobs), "executed")

    def confirm(self, jobs: Sequence[Job]) -> list[Outcome]:
        """The outcomes of `jobs`, each executed alone by the reference: slow, and free of doubt."""
        return self._graded(jobs, [self._alone(job) for job in jobs], "confirmed")

    def _graded(
        self, jobs: Sequence[Job], answers: Sequence[_Answer], source: Source
    ) -> list[Outcome]:
        sound = [(job[0], a.text) for job, a in zip(jobs, answers, strict=True) if a.sound]
        verdicts = iter(self.task.grade_all(sound))
        outcomes = []
        for (example, program), answer in zip(jobs, answers, strict=True):
            correct = answer.sound and next(verdicts).correct
            text = None if self.settle else answer.text
            outcomes.append(Outcome(example.id, example.level, program, text, correct, source))
        return outcomes

    def _alone(self, job: Job) -> _Answer:
        """What the reference answers."""
        example, program = job
        model, tokenizer = self.engine.model, self.engine.tokenizer
        prompt, choices = self._prompt(example), tuple(self.task.choices(example))
        if choices:
            worth = score_reference(model, tokenizer, prompt, choices, program)
            return _Answer.chosen(choices, worth)
        (generation,) = generate_reference(
            model, tokenizer, [prompt], program, self.max_new_tokens, stop=self.task.stop
        )
        return _Answer.written(generation)

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
        rows = [
            Row(self._prompt(example), program, stop=self._settled(example))
            for example, program in jobs
        ]
        generations = self.engine.generate(
            rows, max_new_tokens=self.max_new_tokens, stop=self.task.stop
        )
        return [_Answer.written(generation) for generation in generations]

    def _choose(self, jobs: Sequence[Job], choices: Sequence[Sequence[str]]) -> list[_Answer]:
        if not jobs:
            return []
        rows = [(self._prompt(example), program) for example, program in jobs]
        scores = self.engine.score(rows, choices)
        return [_Answer.chosen(*scored) for scored in zip(choices, scores, strict=True)]

    def _settled(self, example: Example) -> Callable[[str], bool] | None:
        return partial(self.task.settled, example) if self.settle else None

    def _prompt(self, example: Example) -> str:
        return self.task.prompt(example, self.engine.tokenizer)

    def similarity(self, examples: Sequence[Example]) -> tuple[tuple[float, ...], ...]:
        """Mean cosine similarity of the hidden states before any two layers, on some prompts."""
        prompts = [self._prompt(example) for example in examples]
        return hidden_similarity(self.engine.model, self.engine.tokenizer, prompts)
