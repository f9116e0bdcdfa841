"""The cells of the terminal tables: percentages with their intervals, in whole percents."""

from __future__ import annotations

from rich import box
from rich.table import Table

from polar_search.analysis.intervals import Estimate, Mean

NOTHING = "-"
WORDS = ("level", "choice", "third", "edit")


def new_table(*names: str) -> Table:
    """A table in the style of all, with these columns."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    columns(table, *names)
    return table


def columns(table: Table, *names: str) -> None:
    """More columns; those of words are aligned to the left."""
    for name in names:
        words = name in WORDS
        table.add_column(name, justify="left" if words else "right", no_wrap=True)


def percent(fraction: float | None, signed: bool = False) -> str:
    """A fraction in percent."""
    if fraction is None:
        return NOTHING
    return f"{100 * fraction:+.1f}" if signed else f"{100 * fraction:.1f}"


def bound(fraction: float | None, signed: bool = False) -> str:
    """An end of an interval: finer than whole percents would be more than it can tell."""
    if fraction is None:
        return NOTHING
    return f"{100 * fraction:+.0f}" if signed else f"{100 * fraction:.0f}"


def with_luck(estimate: Estimate) -> tuple[str, str]:
    """The value with its interval, and its luck."""
    return inline(estimate), percent(estimate.luck)


def layers(mean: Mean) -> tuple[str, str]:
    """A mean number of layers with its interval, and its luck."""
    if mean.value is None:
        return NOTHING, NOTHING
    ends = "" if mean.low is None else f" [{mean.low:.2f}, {mean.high:.2f}]"
    return f"{mean.value:.2f}{ends}", NOTHING if mean.luck is None else f"{mean.luck:.2f}"


def inline(estimate: Estimate, signed: bool = False) -> str:
    """The value and its interval on one line."""
    value = percent(estimate.value, signed)
    if estimate.low is None:
        return value
    return f"{value} [{bound(estimate.low, signed)}, {bound(estimate.high, signed)}]"
