"""Examples of your own: a JSONL, CSV or Parquet file whose columns are named by options."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from polar_search.errors import ConfigError, TaskError, one_line
from polar_search.tasks.base import Example
from polar_search.tasks.prompted import Grading, PromptedTask
from polar_search.tasks.prompts import SYSTEM, Chat
from polar_search.tasks.splits import SPLITS, Split, split_of

Row = Mapping[str, Any]


class FileTask(PromptedTask):
    """Examples of your own, from a file of JSON lines, CSV or Parquet.

    Args:
        path: The file: .jsonl, .csv or .parquet, with one example a row.
        question: The column of questions.
        answer: The column of right answers.
        id: The column of ids; by default an id is made from the question.
        level: The column of levels, 1 (easiest) and up, such as 3 or "Level 3"; 1 for all by
            default.
        split: The column that says train, val or test; by default eight in ten questions are
            train, one val and one test, by a rule on the question.
        grading: math (in a box, by math-verify), exact (but for white space) or letter.
        prompt: The wording: paper, plain, question, or a text of one's own with {question} in it.
        chat: Use the chat template: auto (by model family, as the paper does), always or never.
        system: The system message of a chat; empty for none.
    """

    name = "file"

    def __init__(
        self,
        path: str | None = None,
        question: str = "question",
        answer: str = "answer",
        id: str | None = None,  # noqa: A002
        level: str | None = None,
        split: str | None = None,
        grading: Grading = "math",
        prompt: str = "paper",
        chat: Chat = "auto",
        system: str = SYSTEM,
    ) -> None:
        super().__init__(prompt, chat, system)
        if path is None:
            raise ConfigError(
                "expected a file of examples for task 'file', received none; give one with "
                "--task-options.path FILE.jsonl"
            )
        self.path, self.grading = Path(path), grading
        self.columns = {"question": question, "answer": answer}
        self.columns |= {
            role: column
            for role, column in {"id": id, "level": level, "split": split}.items()
            if column is not None
        }

    def read(self) -> dict[Split, list[Example]]:
        """All rows of the file, in their order."""
        found: dict[Split, list[Example]] = {split: [] for split in SPLITS}
        for number, row in self._rows():
            split, example = self._example(row, f"row {number} of '{self.path}'")
            found[split].append(example)
        if not any(found.values()):
            raise TaskError(f"expected examples in '{self.path}', received none; add rows to it")
        return found

    def _example(self, row: Row, where: str) -> tuple[Split, Example]:
        values = {role: self._value(row, role, where) for role in self.columns}
        question = values["question"]
        id_ = values.get("id") or hashlib.sha256(question.encode()).hexdigest()[:12]
        split = values.get("split") or split_of(question)
        if split not in SPLITS:
            raise TaskError(
                f"expected {', '.join(SPLITS)} in column '{self.columns['split']}', received "
                f"'{split}' in {where}; correct it"
            )
        return split, Example(
            id_, self._level(values.get("level", "1"), where), question, values["answer"]
        )

    def _value(self, row: Row, role: str, where: str) -> str:
        column = self.columns[role]
        if column not in row:
            raise TaskError(
                f"expected a column '{column}' for option '{role}', received "
                f"{', '.join(map(str, row))} in {where}; name another: "
                f"--task-options.{role} COLUMN"
            )
        value = "" if row[column] is None else str(row[column])
        if not value.strip():
            raise TaskError(
                f"expected a text in column '{column}', received none in {where}; fill it in, or "
                "leave the row out"
            )
        return value

    def _level(self, text: str, where: str) -> int:
        if not (digits := re.fullmatch(r"(?:Level )?([1-9]\d{0,3})(?:\.0)?", text.strip())):
            raise TaskError(
                f"expected a level of 1 or more in column '{self.columns['level']}', received "
                f"'{text}' in {where}; correct it"
            )
        return int(digits.group(1))

    def _rows(self) -> Iterator[tuple[int, Row]]:
        """Rows with their number in the file, from 1.

        Raises:
            TaskError: There is no such file, of such a kind, or a row cannot be read.
        """
        kinds = {".jsonl": _json_rows, ".csv": _csv_rows, ".parquet": _parquet_rows}
        reader = kinds.get(self.path.suffix.lower())
        if reader is None:
            raise TaskError(
                f"expected a file {', '.join(kinds)}, received '{self.path}'; convert it"
            )
        number = 0
        try:
            for number, row in enumerate(reader(self.path), 1):
                if not isinstance(row, Mapping):
                    raise TypeError("a row that is no object")
                yield number, row
        except (OSError, ValueError, TypeError, csv.Error) as error:
            raise TaskError(
                f"expected rows of examples in '{self.path}', received {one_line(error)} after row "
                f"{number}; check the file"
            ) from error


def _json_rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


def _csv_rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        yield from csv.DictReader(lines)


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            yield from batch.to_pylist()
