"""Hand-made outcomes: rows of the store's columns from a few words each."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from polar_search.analysis import Outcomes


@dataclass(frozen=True)
class Row:
    example: str
    path: tuple[int, ...]
    correct: bool
    level: int = 1
    text: str | None = ""
    source: str = "executed"


def make_table(rows: Iterable[Row], chunk: int | None = None) -> pa.Table:
    rows = list(rows)
    table = pa.table(
        {
            "example_id": pa.array([row.example for row in rows], pa.string()),
            "level": pa.array([row.level for row in rows], pa.int16()),
            "path": pa.array([list(row.path) for row in rows], pa.list_(pa.int16())),
            "program": pa.array([" ".join(map(str, row.path)) for row in rows], pa.string()),
            "depth": pa.array([len(row.path) for row in rows], pa.int16()),
            "text": pa.array([row.text for row in rows], pa.string()),
            "correct": pa.array([row.correct for row in rows], pa.bool_()),
            "source": pa.array([row.source for row in rows], pa.string()),
        }
    )
    if chunk is None:
        return table
    return pa.concat_tables([table.slice(at, chunk) for at in range(0, len(rows), chunk)])


PATHS = [
    (0, 1, 2, 3),  # the identity of four layers
    (0, 1, 3),  # skip only
    (0, 3),  # skip only
    (0, 1, 1, 2, 3),  # loop only
    (0, 1, 2, 1, 2, 3),  # loop only
    (0, 1, 1, 3),  # both, as deep as the model
    (1, 1, 3),  # both, shorter
]


def random_rows(seed: int, examples: int = 30, levels: int = 3, answers: int = 5) -> list[Row]:
    """Every example has the identity and a random part of the other programs."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(answers, size=examples)
    return [
        Row(f"e{e}", path, bool(text == truth[e]), 1 + e % levels, str(text))
        for e in range(examples)
        for path in PATHS
        if path == PATHS[0] or rng.random() < 0.7
        for text in [truth[e] if rng.random() < 0.3 else rng.integers(answers)]
    ]


def truth_of(rows: Iterable[Row]) -> dict[str, str]:
    """The answers of `random_rows`, read off the correct texts ('none' if nothing was correct)."""
    rows = list(rows)
    known = {row.example: row.text or "" for row in rows if row.correct}
    return {row.example: known.get(row.example, "none") for row in rows}


def grading(truth):
    """A grade that knows the answers."""
    return lambda pairs: [truth[example_id] == text for example_id, text in pairs]


def make_outcomes(rows: Iterable[Row], num_layers: int = 4) -> Outcomes:
    return Outcomes.from_table(make_table(rows), num_layers)
