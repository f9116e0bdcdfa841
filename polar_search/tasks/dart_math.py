"""DART-Math in five levels of difficulty, DM-1 (easiest) to DM-5, as in the paper's searches.

The paper does not say how the levels are cut. By default they are cut as its replication
(arXiv 2609.31360) infers: the questions of the MATH and GSM8K pools together, one row each, sorted
by the share of failed attempts and their id, in five equal bins; of each bin 2,000, shuffled once
and for all, are split into 1,250 for training, 250 for validation and 500 for testing. All come
from the training sets of MATH and GSM8K, whose own test sets are the tasks `math` and `gsm8k`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from polar_search.errors import TaskError
from polar_search.tasks.base import Example
from polar_search.tasks.prompted import PromptedTask
from polar_search.tasks.prompts import SYSTEM, Chat
from polar_search.tasks.sources import read_columns, read_rows
from polar_search.tasks.splits import Split

if TYPE_CHECKING:
    import pyarrow as pa

POOLS = ("math", "gsm8k")
BINS = 5
PER_LEVEL = 2000
SHARES: dict[Split, int] = {"train": 5, "val": 1, "test": 2}
"""In eighths: 1,250, 250 and 500 of 2,000."""
SEED = 0


@dataclass(frozen=True)
class _Question:
    """A question of the pools; `own_level` is that of its authors, for MATH."""

    id: str
    text: str
    answer: str
    fail_rate: float
    own_level: int | None


class DartMath(PromptedTask):
    r"""DART-Math DM-1..DM-5: MATH and GSM8K questions by how often a strong model failed on them.

    Args:
        source: A local folder that holds the four data sets in the Hub's layout; the Hub by
            default.
        levels: By the share of failed attempts (fail-rate), or those of MATH's authors (math:
            without GSM8K, and "DART-1" as Dr.LLM has it).
        prompt: The wording: paper, plain, question, or a text of one's own with {question} in it.
        chat: Use the chat template: auto (by model family, as the paper does), always or never.
        system: The system message of a chat; empty for none.
    """

    name = "dart-math"

    def __init__(
        self,
        source: str | None = None,
        levels: Literal["fail-rate", "math"] = "fail-rate",
        prompt: str = "paper",
        chat: Chat = "auto",
        system: str = SYSTEM,
    ) -> None:
        super().__init__(prompt, chat, system)
        self.source, self.levels = source, levels

    def read(self) -> dict[Split, list[Example]]:
        """The levels one after the other, each cut into splits."""
        found: dict[Split, list[Example]] = {split: [] for split in SHARES}
        pools = POOLS if self.levels == "fail-rate" else ("math",)
        questions = [question for pool in pools for question in self._pool(pool)]
        cut = by_fail_rate if self.levels == "fail-rate" else by_own_level
        for level, members in cut(questions).items():
            for split, part in cut_into_splits(members).items():
                found[split] += [Example(q.id, level, q.text, q.answer) for q in part]
        return found

    def _pool(self, pool: str) -> list[_Question]:
        """The questions of one pool that have a right response, which gives text and answer."""
        repository = f"hkust-nlp/dart-math-pool-{pool}"
        columns = ("query_id", "pass_rate", *(("level",) if pool == "math" else ()))
        info = read_rows(f"{repository}-query-info", columns, split="train", source=self.source)
        responses = read_columns(
            repository, ("query_id", "query", "gt_ans"), split="train", source=self.source
        )
        asked = first_of_each(responses)
        questions = [
            _Question(
                str(row["query_id"]),
                *asked[str(row["query_id"])],
                fail_rate=1 - row["pass_rate"],
                own_level=_level(row.get("level")),
            )
            for row in info
            if str(row["query_id"]) in asked
        ]
        if not questions:
            raise TaskError(
                f"expected questions of '{repository}' with the ids of its query-info, received "
                f"none among {len(info)}; give both in one version"
            )
        return questions


def first_of_each(responses: pa.Table) -> dict[str, tuple[str, str]]:
    """Question and answer by id, from a table with many responses to a question."""
    unique = responses.group_by("query_id", use_threads=False).aggregate(
        [("query", "first"), ("gt_ans", "first")]
    )
    names = ("query_id", "query_first", "gt_ans_first")
    columns = (unique[name].to_pylist() for name in names)
    return {str(id_): (query, str(answer)) for id_, query, answer in zip(*columns, strict=True)}


def by_fail_rate(questions: Sequence[_Question]) -> dict[int, list[_Question]]:
    """Five equal bins, from the questions that failed least to those that failed most."""
    ordered = sorted(questions, key=lambda q: (q.fail_rate, q.id))
    edges = [i * len(ordered) // BINS for i in range(BINS + 1)]
    return {i + 1: ordered[edges[i] : edges[i + 1]] for i in range(BINS)}


def by_own_level(questions: Sequence[_Question]) -> dict[int, list[_Question]]:
    """The levels of MATH's authors; questions without one are left out."""
    levels = sorted({q.own_level for q in questions if q.own_level is not None})
    return {
        level: sorted((q for q in questions if q.own_level == level), key=lambda q: q.id)
        for level in levels
    }


def cut_into_splits(members: Sequence[_Question]) -> dict[Split, list[_Question]]:
    """Up to 2,000 members of a level, shuffled and cut; the same ones every time."""
    shuffled = random.Random(SEED).sample(members, min(len(members), PER_LEVEL))
    parts: dict[Split, list[_Question]] = {}
    start, eighths = 0, 0
    for split, share in SHARES.items():
        eighths += share
        stop = len(shuffled) * eighths // sum(SHARES.values())
        parts[split] = shuffled[start:stop]
        start = stop
    return parts


def _level(value: object) -> int | None:
    """MATH's level, which is written `3` or `Level 3`; `Level ?` is none."""
    digits = str(value).rpartition(" ")[2]
    return int(digits) if digits.isdigit() else None
