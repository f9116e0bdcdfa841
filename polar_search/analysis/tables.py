"""The statistics as tables for a terminal of 80 columns.

Percentages with 95% intervals, in whole percents, beside or below them; every column that needs
the answer key is headed `oracle`, its luck beside it; "-" stands where a number cannot be had.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from polar_search.analysis.accuracy import AccuracyRow
from polar_search.analysis.budget import BudgetRow
from polar_search.analysis.intervals import Estimate
from polar_search.analysis.menus import SIZES, MenuRow
from polar_search.analysis.report import Statistics
from polar_search.analysis.shorter import ShorterRow

NOTHING = "-"


def render(statistics: Statistics) -> list[RenderableType]:
    """The tables of a run, ready for `rich.console.Console.print`."""
    searched = f"{statistics.num_layers} layers; {_budget(statistics.budget[-1])}"
    return [
        _accuracy_table(statistics.accuracy, searched, statistics.derangements),
        _shorter_table(statistics.shorter, searched, statistics.num_layers),
        _corrected_table(statistics.shorter, searched, statistics.num_layers),
        _menu_table(statistics.menus, searched),
        _program_table(statistics.menus, searched),
        _budget_table(statistics.budget, searched),
    ]


def _accuracy_table(rows: Iterable[AccuracyRow], searched: str, derangements: int) -> Group:
    table = _table("level", "n", "Base", "oracle\nSkip", "luck", "oracle\nLoop", "luck")
    _columns(table, "oracle\nBoth", "luck", "oracle\ngain")
    for row in rows:
        table.add_row(
            str(row.level),
            str(row.base.n),
            _stacked(row.base),
            *_with_luck(row.skip),
            *_with_luck(row.loop),
            *_with_luck(row.both),
            _stacked(row.gain),
        )
    return _block(
        "Accuracy (%)",
        searched,
        table,
        "oracle: the answer key picks the program among those searched. luck: the same texts, "
        f"answers permuted within the level (mean of {derangements}); equal answers stay in. "
        "gain: oracle Both - Base, paired bootstrap (no interval where all examples agree).",
    )


def _shorter_table(rows: Iterable[ShorterRow], searched: str, num_layers: int) -> Group:
    table = _table("level", "C->C\nn", "oracle\nshorter", "luck", "depth")
    for row in rows:
        table.add_row(
            str(row.level),
            str(row.correct_shorter.n),
            *_with_luck(row.correct_shorter),
            _depth(row.correct_depth),
        )
    return _block(
        "Right answers with fewer layers (C->C, %)",
        searched,
        table,
        f"C->C: the standard pass is right. shorter: a valid program executes fewer than "
        f"{num_layers} layers. depth: mean executed layers of the shortest valid program "
        "(oracle).",
    )


def _corrected_table(rows: Iterable[ShorterRow], searched: str, num_layers: int) -> Group:
    table = _table("level", "wrong\nn", "oracle\ncorrected", "luck")
    _columns(table, "W->C\nn", "oracle\nshorter", "luck", "depth")
    for row in rows:
        table.add_row(
            str(row.level),
            str(row.corrected.n),
            *_with_luck(row.corrected),
            str(row.corrected_shorter.n),
            *_with_luck(row.corrected_shorter),
            _depth(row.corrected_depth),
        )
    return _block(
        "Wrong answers corrected (W->C, %)",
        searched,
        table,
        "W->C: the standard pass is wrong, some program is right. shorter: one with fewer than "
        f"{num_layers} layers, in % of the corrected. luck: of the truly wrong; under W->C, of "
        "those corrected by luck.",
    )


def _menu_table(rows: Sequence[MenuRow], searched: str) -> Group:
    table = _table("level", "n", "choice", "accuracy", "luck", "vs Base", "depth")
    for row in rows:
        oracle = row.size > 1
        table.add_row(
            "" if oracle else str(row.level),
            str(row.accuracy.n),
            f"oracle, menu of {row.size}" if oracle else "static",
            _inline(row.accuracy),
            _percent(row.accuracy.luck) if oracle else "",
            _inline(row.gain, signed=True),
            _depth(row.mean_depth),
            end_section=row.size == max(SIZES),
        )
    return _block(
        "Best static program and menus, chosen on other examples (%)",
        searched,
        table,
        f"chosen among the {rows[-1].qualified:,} programs executed for every example. static: one "
        "program for all, no answer key needed. menu of k: any of at most k programs, the right "
        "one picked by an oracle chooser. vs Base: on the same examples, paired bootstrap. depth: "
        "mean executed layers of the chosen programs.",
    )


def _program_table(rows: Iterable[MenuRow], searched: str) -> Group:
    table = _table("level", "fold")
    table.add_column("programs", overflow="fold")
    for row in rows:
        if row.size < max(SIZES):
            continue
        for fold, menu in enumerate(row.menus):
            level = str(row.level) if fold == 0 else ""
            table.add_row(level, str(fold), " | ".join(menu) or NOTHING)
    return _block(
        "Chosen programs",
        searched,
        table,
        "in the order chosen: the first is the static program, the first two the menu of 2, and "
        "so on until no program covers an example more. Each fold is scored with the programs "
        "chosen on the other one.",
    )


def _budget_table(rows: Iterable[BudgetRow], searched: str) -> Group:
    table = _table("level", "examples", "programs an example\nmin", "\nmedian", "\nmax")
    _columns(table, "outcomes", "valid")
    for row in rows:
        table.add_row(
            str(row.level),
            f"{row.examples:,}",
            f"{row.programs_min:,}",
            f"{row.programs_median:,.0f}",
            f"{row.programs_max:,}",
            f"{row.outcomes:,}",
            f"{row.valid:,}",
        )
    return _block(
        "Search budget",
        searched,
        table,
        "an oracle grows with the programs tried: compare runs at the same budget only.",
    )


def _block(title: str, searched: str, table: Table, caption: str) -> Group:
    return Group(
        Text(title, style="bold"),
        Text(f"searched: {searched}", style="dim"),
        table,
        Text(f"{caption}\n", style="dim"),
    )


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    _columns(table, *names)
    return table


def _columns(table: Table, *names: str) -> None:
    for name in names:
        words = name in ("level", "choice")
        table.add_column(name, justify="left" if words else "right", no_wrap=True)


def _budget(row: BudgetRow) -> str:
    each = f"{row.programs_median:,.0f}"
    if row.programs_min < row.programs_max:
        each = f"{row.programs_min:,} to {row.programs_max:,}"
    return f"{row.examples:,} examples x {each} programs = {row.outcomes:,} outcomes"


def _percent(fraction: float | None, signed: bool = False) -> str:
    if fraction is None:
        return NOTHING
    return f"{100 * fraction:+.1f}" if signed else f"{100 * fraction:.1f}"


def _bound(fraction: float | None, signed: bool = False) -> str:
    """An end of an interval: finer than whole percents would be more than it can tell."""
    if fraction is None:
        return NOTHING
    return f"{100 * fraction:+.0f}" if signed else f"{100 * fraction:.0f}"


def _stacked(estimate: Estimate) -> str:
    """The value, its interval below it: narrow."""
    if estimate.low is None:
        return _percent(estimate.value)
    return f"{_percent(estimate.value)}\n{_bound(estimate.low)}-{_bound(estimate.high)}"


def _inline(estimate: Estimate, signed: bool = False) -> str:
    """The value and its interval on one line."""
    value = _percent(estimate.value, signed)
    if estimate.low is None:
        return value
    return f"{value} [{_bound(estimate.low, signed)}, {_bound(estimate.high, signed)}]"


def _with_luck(estimate: Estimate) -> tuple[str, str]:
    return _stacked(estimate), _percent(estimate.luck)


def _depth(depth: float | None) -> str:
    return NOTHING if depth is None else f"{depth:.1f}"
