"""What tasks over public and own data share: a prompt, a grading, examples that are read once."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from polar_search.boxes import closed_box
from polar_search.errors import TaskError
from polar_search.tasks.base import Example, Task, Verdict
from polar_search.tasks.grading import GRADINGS
from polar_search.tasks.prompts import SYSTEM, Chat, Prompter
from polar_search.tasks.splits import SPLITS, Split

Grading = Literal["math", "exact", "letter"]


class PromptedTask(Task):
    """A question in a prompt, an answer that is graded by name.

    Args:
        prompt: The wording: paper, plain, question, or a text of one's own with {question} in it.
        chat: Use the chat template: auto (by model family, as the paper does), always or never.
        system: The system message of a chat; empty for none.
    """

    grading: Grading = "math"
    chooses: bool = False
    """Whether answers are chosen by likelihood."""
    stop: tuple[Callable[[str], bool], ...] = (closed_box,)  # type: ignore[misc]

    def __init__(self, prompt: str = "paper", chat: Chat = "auto", system: str = SYSTEM) -> None:
        self._prompter = Prompter(prompt, chat, system)

    @abstractmethod
    def read(self) -> Mapping[Split, Sequence[Example]]:
        """All examples of every split that there is.

        Raises:
            TaskError: The data are missing or broken.
        """

    @cached_property
    def _examples(self) -> Mapping[Split, Sequence[Example]]:
        found = self.read()
        ids = Counter(example.id for examples in found.values() for example in examples)
        twice = [id_ for id_, count in ids.items() if count > 1]
        if twice:
            raise TaskError(
                f"expected an id of its own for every example of task '{self.name}', received "
                f"'{twice[0]}' {ids[twice[0]]} times; leave out the copies, or correct the ids"
            )
        return found

    def examples(self, split: Split) -> Sequence[Example]:
        """All examples of `split`; none where the data set has no such split."""
        if split not in SPLITS:
            raise TaskError(
                f"expected a split of {self.name}, received '{split}'; choose from "
                f"{', '.join(SPLITS)}"
            )
        return self._examples.get(split, ())

    def grade(self, example: Example, text: str) -> Verdict:
        """Grade one text; many are graded faster by `grade_all`."""
        return self.grade_all([(example, text)])[0]

    def grade_all(self, answers: Sequence[tuple[Example, str]]) -> list[Verdict]:
        """Grade many texts, in their order."""
        return GRADINGS[self.grading]([(example.answer, text) for example, text in answers])

    def prompt(self, example: Example, tokenizer: Any) -> str:  # noqa: ANN401
        """The question in its wording, in the chat template of the model's family."""
        return self._prompter(example.question, tokenizer)

    def fingerprint(self) -> str:
        """Changes with the examples, the prompt, the grading and the way of choosing."""
        settings = repr((super().fingerprint(), self._prompter, self.grading, self.chooses))
        return hashlib.sha256(settings.encode()).hexdigest()[:16]
