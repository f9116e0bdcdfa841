"""Columns that many tables have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from polar_search.analysis import Estimate, Mean
from polar_search.report.sheets import Column


def of(name: str) -> Callable[[Any], Any]:
    """The cell that an attribute of a row holds."""
    return lambda row: getattr(row, name)


def count_of(name: str) -> Callable[[Any], int]:
    """The n of the estimate, or mean, that an attribute of a row holds."""
    return lambda row: int(getattr(row, name).n)


def luck(name: str) -> Column:
    """The luck of the estimate `name`, in percent, or of the mean `name`, in its own unit."""
    return Column("luck", lambda row: _luck(getattr(row, name)), digits=1)


def _luck(estimate: Estimate | Mean) -> float | None:
    scale = 100 if isinstance(estimate, Estimate) else 1
    return None if estimate.luck is None else scale * estimate.luck


def _level(row: Any) -> str:  # noqa: ANN401
    return str(row.level)


def levels(rows: Iterable[Any]) -> list[str]:
    """The levels of a table as words under a figure."""
    return ["all" if row.level == "all" else f"level {row.level}" for row in rows]


LEVEL = Column("level", _level)
