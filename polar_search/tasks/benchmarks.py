"""Public benchmarks: GSM8K, MATH, ASDiv, MAWPS and MMLU-Pro.

Columns and splits are the Hub's. Where a benchmark has no validation split, one in ten of its
training questions is set aside for it, by a rule on the question alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from polar_search.boxes import last_boxed
from polar_search.errors import ConfigError, TaskError
from polar_search.tasks.base import Example
from polar_search.tasks.prompted import PromptedTask
from polar_search.tasks.prompts import SYSTEM, Chat
from polar_search.tasks.sources import read_rows
from polar_search.tasks.splits import Split, split_of

Rows = Iterable[Mapping[str, Any]]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Benchmark(PromptedTask):
    """A data set of the Hub.

    Args:
        source: A local folder that holds the data set in the Hub's layout; the Hub by default.
        prompt: The wording: paper, plain, question, or a text of one's own with {question} in it.
        chat: Use the chat template: auto (by model family, as the paper does), always or never.
        system: The system message of a chat; empty for none.
    """

    repository: str

    def __init__(
        self,
        source: str | None = None,
        prompt: str = "paper",
        chat: Chat = "auto",
        system: str = SYSTEM,
    ) -> None:
        super().__init__(prompt, chat, system)
        self.source = source

    def rows(
        self, split: str, columns: Sequence[str], config: str | None = None
    ) -> list[dict[str, Any]]:
        """Columns of a split of the data set."""
        return read_rows(self.repository, columns, split=split, config=config, source=self.source)

    def made(self, split: str, rows: Rows, make: Callable[[str, Any], Example]) -> list[Example]:
        """Examples of rows, numbered in their order, each with an answer."""
        examples = [make(f"{self.name}-{split}-{i:05d}", row) for i, row in enumerate(rows)]
        for example in examples:
            if not example.answer.strip():
                raise TaskError(
                    f"expected an answer in every row of '{self.repository}', received none for "
                    f"{example.id}: '{example.question[:60]}'; correct the row or leave it out"
                )
        return examples


class Gsm8k(Benchmark):
    """GSM8K: grade-school word problems; a level has as many steps as its number, up to 8."""

    name = "gsm8k"
    repository = "openai/gsm8k"

    def read(self) -> dict[Split, list[Example]]:
        """The data set's own test split; its train split, less one in ten for val."""

        def make(id_: str, row: Mapping[str, str]) -> Example:
            steps, _, answer = row["answer"].rpartition("####")
            level = min(max(steps.strip().count("\n") + 1, 1), 8)
            return Example(id_, level, row["question"], answer.strip() if steps else "")

        columns = ("question", "answer")
        train, test = (
            self.made(split, self.rows(split, columns, "main"), make) for split in ("train", "test")
        )
        return {**with_val(train), "test": test}


class Math(Benchmark):
    """MATH: competition problems, with the levels of their authors."""

    name = "math"
    repository = "EleutherAI/hendrycks_math"
    subjects = (
        *("algebra", "counting_and_probability", "geometry", "intermediate_algebra"),
        *("number_theory", "prealgebra", "precalculus"),
    )

    def read(self) -> dict[Split, list[Example]]:
        """The data set's own test split; its train split, less one in ten for val.

        Problems whose level the authors left open (`Level ?`) are left out.
        """

        def make(id_: str, row: Mapping[str, str]) -> Example:
            answer = last_boxed(row["solution"]) or ""
            return Example(id_, int(row["level"].removeprefix("Level ")), row["problem"], answer)

        found = {}
        for split in ("train", "test"):
            found[split] = [
                example
                for subject in self.subjects
                for example in self.made(
                    f"{split}-{subject}",
                    (
                        row
                        for row in self.rows(split, ("problem", "level", "solution"), subject)
                        if re.fullmatch(r"Level \d", row["level"])
                    ),
                    make,
                )
            ]
        return {**with_val(found["train"]), "test": found["test"]}


class Asdiv(Benchmark):
    """ASDiv: word problems, to test on; units are taken off the answers, several parts listed."""

    name = "asdiv"
    repository = "EleutherAI/asdiv"

    def read(self) -> dict[Split, list[Example]]:
        """All of the data set's one split, as test."""

        def make(id_: str, row: Mapping[str, str]) -> Example:
            parts = (re.sub(r"\s*\([^()]*\)", "", part) for part in row["answer"].split(";"))
            answer = ",".join(part.strip() for part in parts if part.strip())
            return Example(id_, 1, f"{row['body']} {row['question']}".strip(), answer)

        rows = self.rows("validation", ("body", "question", "answer"))
        return {"test": self.made("test", rows, make)}


class Mawps(Benchmark):
    """MAWPS: word problems of one or two operations, in the version of Calc-X."""

    name = "mawps"
    repository = "MU-NLPC/Calc-mawps"

    def read(self) -> dict[Split, list[Example]]:
        """The data set's own three splits."""

        def make(id_: str, row: Mapping[str, str]) -> Example:
            return Example(id_, 1, row["question"], row["result"].replace("_", ""))

        own: dict[Split, str] = {"train": "train", "val": "validation", "test": "test"}
        return {
            split: self.made(split, self.rows(name, ("question", "result")), make)
            for split, name in own.items()
        }


class MmluPro(Benchmark):
    """MMLU-Pro: choices among up to ten; a level is a subject, in alphabetical order.

    Args:
        source: A local folder that holds the data set in the Hub's layout; the Hub by default.
        prompt: The wording: paper, plain, question, or a text of one's own with {question} in it.
        chat: Use the chat template: auto (the default with letters), always or never.
        system: The system message of a chat; empty for none.
        subjects: Only these, such as [law, physics]; all by default.
        by: The likeliest letter is chosen (likelihood), or the model writes it (letter).
    """

    name = "mmlu-pro"
    repository = "TIGER-Lab/MMLU-Pro"
    grading = "letter"
    all_subjects = (
        *("biology", "business", "chemistry", "computer science", "economics", "engineering"),
        *("health", "history", "law", "math", "other", "philosophy", "physics", "psychology"),
    )

    def __init__(
        self,
        source: str | None = None,
        prompt: str | None = None,
        chat: Chat | None = None,
        system: str = SYSTEM,
        subjects: tuple[str, ...] | None = None,
        by: Literal["letter", "likelihood"] = "letter",
    ) -> None:
        # A letter is written into a box, or it is what follows "Answer:" in a plain text.
        prompts: tuple[str, Chat] = ("paper", "auto") if by == "letter" else ("plain", "never")
        super().__init__(source, prompt or prompts[0], chat or prompts[1], system)
        self.chooses = by == "likelihood"
        self.subjects = subjects or self.all_subjects
        self._choices: dict[str, tuple[str, ...]] = {}
        for subject in self.subjects:
            if subject not in self.all_subjects:
                raise ConfigError(
                    f"expected subjects of mmlu-pro ({', '.join(self.all_subjects)}), received "
                    f"'{subject}'; choose from these"
                )

    def read(self) -> dict[Split, list[Example]]:
        """The data set's test split, and its 70 validation questions as val."""
        columns = ("question_id", "question", "options", "answer", "category")
        found: dict[Split, list[Example]] = {}
        own: dict[Split, str] = {"val": "validation", "test": "test"}
        for split, name in own.items():
            rows = (row for row in self.rows(name, columns) if row["category"] in self.subjects)
            found[split] = self.made(split, rows, self._make)
        return found

    def _make(self, _: str, row: Mapping[str, Any]) -> Example:
        id_ = f"mmlu-pro-{row['question_id']}"
        letters = LETTERS[: len(row["options"])]
        self._choices[id_] = tuple(f" {letter}" for letter in letters)
        options = (f"{k}. {text}" for k, text in zip(letters, row["options"], strict=True))
        level = self.all_subjects.index(row["category"]) + 1
        return Example(id_, level, "\n".join([row["question"], *options]), row["answer"])

    def choices(self, example: Example) -> tuple[str, ...]:
        """The letters of the options, if the likeliest is chosen."""
        if not self.chooses:
            return ()
        self.examples("test")  # reads them, unless that is done
        return self._choices[example.id]


def with_val(examples: Iterable[Example]) -> dict[Split, list[Example]]:
    """Training examples in train and val: one in ten, chosen by the question's own text."""
    found: dict[Split, list[Example]] = {"train": [], "val": []}
    for example in examples:
        found["val" if split_of(example.question) == "val" else "train"].append(example)
    return found
