"""Tables for paper and screen: one description, written as HTML cells, CSV, LaTeX or Markdown.

In CSV an estimate takes a column for each of its parts, as fractions, so that nothing is lost; in
the others it is a percentage with its 95% interval in whole percents.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from polar_search.analysis import Estimate, Mean

Cell: TypeAlias = Estimate | Mean | str | int | float | None
NOTHING = "-"
PARTS = ("low", "high", "count", "n", "luck")
"""What CSV tells of an estimate or a mean, beside its value."""

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


@dataclass(frozen=True)
class Column:
    """A column: its heading, how a cell comes from a row, and whether an oracle picked it.

    Attributes:
        head: The heading.
        cell: The cell of a row of the statistics.
        oracle: Whether the number needs the answer key; headings say so.
        signed: Whether a plus sign is written: for differences.
        digits: Of a number that is no estimate and no integer.
    """

    head: str
    cell: Callable[[Any], Cell]
    oracle: bool = False
    signed: bool = False
    digits: int = 1

    @property
    def title(self) -> str:
        """The heading, an oracle named as one."""
        return f"{self.head} (oracle)" if self.oracle else self.head

    def text(self, row: object) -> tuple[str, str]:
        """The cell in words, and the interval beside it (empty where there is none)."""
        cell = self.cell(row)
        if isinstance(cell, Estimate):
            return percent(cell.value, self.signed), interval(cell, self.signed)
        if isinstance(cell, Mean):
            return self._mean(cell)
        if cell is None:
            return NOTHING, ""
        if isinstance(cell, float):
            return f"{cell:,.{self.digits}f}", ""
        return (f"{cell:,}", "") if isinstance(cell, int) else (cell, "")

    def _mean(self, mean: Mean) -> tuple[str, str]:
        """A mean in its own unit."""
        if mean.value is None:
            return NOTHING, ""
        value, low, high = (
            "" if part is None else f"{part:,.{self.digits}f}"
            for part in (mean.value, mean.low, mean.high)
        )
        return value, f"[{low}, {high}]" if low else ""


@dataclass(frozen=True)
class Sheet:
    """A table: columns over rows."""

    columns: tuple[Column, ...]
    rows: Sequence[Any]

    @property
    def heads(self) -> list[str]:
        """The headings."""
        return [column.title for column in self.columns]

    def cells(self) -> list[list[tuple[str, str]]]:
        """For each row, its cells: a text and the interval beside it."""
        return [[column.text(row) for column in self.columns] for row in self.rows]

    def texts(self) -> list[list[str]]:
        """For each row, its cells as one text each."""
        return [[" ".join(filter(None, cell)) for cell in row] for row in self.cells()]

    def csv(self) -> str:
        """Every number in full; an estimate as its value and its parts."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        values = [[column.cell(row) for column in self.columns] for row in self.rows]
        estimated = [
            any(isinstance(cell, Estimate | Mean) for cell in cells)
            for cells in zip(*values, strict=True)
        ]
        heads = zip(self.heads, estimated, strict=True)
        writer.writerow(
            name
            for head, parts in heads
            for name in (head, *(f"{head}: {part}" for part in PARTS if parts))
        )
        for row in values:
            writer.writerow(part for cell in row for part in _parts(cell))
        return file.getvalue()

    def markdown(self) -> str:
        """A pipe table."""
        lines = [self.heads, ["---"] * len(self.columns), *self.texts()]
        escaped = ([text.replace("|", r"\|") for text in line] for line in lines)
        return "".join(f"| {' | '.join(line)} |\n" for line in escaped)

    def latex(self) -> str:
        """A `tabular` for the package booktabs."""
        lines = [" & ".join(map(_latex, line)) + r" \\" for line in (self.heads, *self.texts())]
        kinds = "".join("l" if self._is_text(i) else "r" for i in range(len(self.columns)))
        return "\n".join(
            [
                rf"\begin{{tabular}}{{{kinds}}}",
                *(r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"),
                r"\end{tabular}",
                "",
            ]
        )

    def _is_text(self, column: int) -> bool:
        return any(isinstance(self.columns[column].cell(row), str) for row in self.rows)

    def alignments(self) -> list[str]:
        """For each column, "text" or "number"."""
        return ["text" if self._is_text(i) else "number" for i in range(len(self.columns))]


def percent(fraction: float | None, signed: bool = False) -> str:
    """A fraction in percent, to a tenth."""
    if fraction is None:
        return NOTHING
    return f"{100 * fraction:+.1f}" if signed else f"{100 * fraction:.1f}"


def interval(estimate: Estimate, signed: bool = False) -> str:
    """The 95% interval in whole percents, empty where the data say nothing about it."""
    if estimate.low is None or estimate.high is None:
        return ""
    sign = "+" if signed else ""
    return f"[{100 * estimate.low:{sign}.0f}, {100 * estimate.high:{sign}.0f}]"


def _parts(cell: Cell) -> list[object]:
    if isinstance(cell, Estimate | Mean):
        return [cell.value, *(getattr(cell, part, None) for part in PARTS)]
    return [cell]


def _latex(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in text)
