"""Columns that many tables have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from polar_search.report.sheets import Column


def of(name: str) -> Callable[[Any], Any]:
    """The cell that an attribute of a row holds."""
    return lambda row: getattr(row, name)


def luck(name: str) -> Column:
    """The luck of the estimate `name`, in percent."""
    return Column("luck", lambda row: _fraction(getattr(row, name).luck), digits=1)


def _fraction(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _level(row: Any) -> str:  # noqa: ANN401
    return str(row.level)


def levels(rows: Iterable[Any]) -> list[str]:
    """The levels of a table as words under a figure."""
    return ["all" if row.level == "all" else f"level {row.level}" for row in rows]


LEVEL = Column("level", _level)
