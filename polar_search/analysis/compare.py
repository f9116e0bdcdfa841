"""Ours beside what the paper and its replication report for the same model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from polar_search.analysis.intervals import Estimate
from polar_search.analysis.report import Statistics

COLUMNS = ("base", "skip", "loop", "both")
DIFFERENCES = (
    "The paper searches 2,000 questions a level of DART-Math with MCTS and 50 new tokens; how many "
    "programs an input got decides how high an oracle is, and is not the same here.",
    "The paper gives no intervals and no luck baseline; its headline shares are over all models "
    "and levels.",
    "The replication bins DART-Math anew and searches 50,000 questions with about 200 programs "
    "each; its numbers are for level 1.",
)


@dataclass(frozen=True)
class ComparisonRow:
    """One number of ours beside theirs; fractions.

    Attributes:
        level: the level.
        name: base, skip, loop or both, or a headline share.
        ours: our estimate.
        paper: the paper's number, None where it has none.
        replication: the replication's number, None where it has none.
    """

    level: str
    name: str
    ours: Estimate
    paper: float | None
    replication: float | None


@dataclass(frozen=True)
class Comparison:
    """Ours beside theirs.

    Attributes:
        model: the run's model.
        paper_model: the paper's model of that name, None where it has none.
        replication_model: the replication's, None where it has none.
        sources: where the numbers are from.
        rows: the numbers.
    """

    model: str
    paper_model: str | None
    replication_model: str | None
    sources: dict[str, str]
    rows: tuple[ComparisonRow, ...]


def compare_with_paper(statistics: Statistics, model: str) -> Comparison:
    """The statistics of a run of `model` beside the published ones."""
    data = json.loads(files("polar_search.analysis").joinpath("data/paper.json").read_text())
    paper, replication = (_named(model, data[source]) for source in ("paper", "replication"))
    rows = [
        ComparisonRow(
            str(row.level),
            name,
            getattr(row, name),
            _number(data["paper"], paper, row.level, name),
            _number(data["replication"], replication, row.level, name),
        )
        for row in statistics.accuracy
        for name in COLUMNS
    ]
    rows += _headline(statistics, data["headline"])
    return Comparison(model, paper, replication, data["sources"], tuple(rows))


def _headline(statistics: Statistics, headline: dict[str, float]) -> list[ComparisonRow]:
    """C->C and W->C with a shorter valid program, over all levels."""
    last = statistics.shorter[-1]
    return [
        ComparisonRow("all", name, getattr(last, name), value / 100, None)
        for name, value in headline.items()
    ]


def _named(model: str, table: dict[str, Any]) -> str | None:
    """The model of the table that `model`, such as `Qwen/Qwen3-8B`, stands for."""
    plain = model.rstrip("/").rsplit("/", 1)[-1].lower()
    for name in table:
        if plain in (name.lower(), f"{name.lower()}-instruct", f"{name.lower()}-chat"):
            return name
    return None


def _number(table: dict[str, Any], model: str | None, level: object, name: str) -> float | None:
    percent = table.get(model or "", {}).get(str(level), {}).get(name)
    return None if percent is None else round(percent / 100, 4)
