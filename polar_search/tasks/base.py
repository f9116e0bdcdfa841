"""The contract of a task: examples, the prompt the model sees, and how an answer is graded."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from polar_search.tasks.splits import SPLITS, Split


@dataclass(frozen=True, slots=True)
class Example:
    """One input with its answer. `id` is unique within the task, `level` runs from 1 (easiest)."""

    id: str
    level: int
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What grading says of one text: is it `correct`, and which answer was read from it, if any."""

    correct: bool
    answer: str | None


class Task(ABC):
    """Examples + prompt + grading.

    A subclass has a `name`, gives the examples of a split and grades a text; everything else has a
    default. Third parties register a class through the entry-point group `polar_search.tasks`.
    """

    name: ClassVar[str]
    max_new_tokens: ClassVar[int] = 50
    """How long an answer may get, in tokens."""
    stop: ClassVar[tuple[str | Callable[[str], bool], ...]] = ()
    """What ends an answer, beside the model's own end of text: texts, or conditions on the text."""
    bundled_model: ClassVar[str | None] = None
    """The model that the name `bundled` stands for with this task."""

    @abstractmethod
    def examples(self, split: Split) -> Sequence[Example]:
        """All examples of `split`, always in the same order.

        Raises:
            TaskError: the data are missing or broken.
        """

    @abstractmethod
    def grade(self, example: Example, text: str) -> Verdict:
        """Grade `text`, the model's answer to `example`. Never raises, whatever the text."""

    def grade_all(self, answers: Sequence[tuple[Example, str]]) -> list[Verdict]:
        """Grade many texts, in their order; for tasks that grade faster in batches."""
        return [self.grade(example, text) for example, text in answers]

    def settled(self, example: Example, text: str) -> bool:  # noqa: ARG002
        """Whether `text`, the beginning of an answer, can only become a wrong one.

        A search that stores no texts (`settle`) ends such answers early. By default none is; a task
        whose grading is exact may know better. Asked after every token, of many answers.
        """
        return False

    def choices(self, example: Example) -> Sequence[str]:  # noqa: ARG002
        """Texts of which the model chooses the likeliest; when empty, as here, it writes its own.

        A choice continues the prompt, and is graded as if the model had written it.
        """
        return ()

    def prompt(self, example: Example, tokenizer: Any) -> str:  # noqa: ARG002, ANN401
        """What the model sees: by default the question. `tokenizer` may hold a chat template."""
        return example.question

    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with the task's class and with any of its examples."""
        digest = hashlib.sha256(f"{type(self).__module__}:{type(self).__qualname__}".encode())
        for split in SPLITS:
            for example in self.examples(split):
                digest.update(repr((split, example)).encode())
        return digest.hexdigest()[:16]
