"""The statistics as tables for a terminal of 80 columns.

Percentages with 95% intervals, in whole percents, beside or below them; every column that needs
the answer key is headed `oracle`, its luck beside it; "-" stands where a number cannot be had.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from polar_search.analysis.accuracy import AccuracyRow
from polar_search.analysis.budget import BudgetRow
from polar_search.analysis.cells import (
    NOTHING,
    bound,
    columns,
    inline,
    new_table,
    percent,
    with_luck,
)
from polar_search.analysis.intervals import Estimate, Mean
from polar_search.analysis.menus import SIZES, MenuRow
from polar_search.analysis.report import Statistics
from polar_search.analysis.shape_tables import depth_tables, edit_tables
from polar_search.analysis.shorter import ShorterRow


def render(statistics: Statistics) -> list[RenderableType]:
    """The tables of a run, ready for `rich.console.Console.print`."""
    searched = searched_by(statistics)
    return [
        _accuracy_table(statistics.accuracy, searched, statistics.derangements),
        _shorter_table(statistics.shorter, searched, statistics.num_layers),
        _corrected_table(statistics.shorter, searched, statistics.num_layers),
        _menu_table(statistics.menus, searched),
        _program_table(statistics.menus, searched),
        coverage_table(statistics),
        *(
            _block(title, searched, table, caption)
            for title, table, caption in [*depth_tables(statistics), *edit_tables(statistics)]
        ),
        _budget_table(statistics.budget, searched),
    ]


def _accuracy_table(rows: Iterable[AccuracyRow], searched: str, derangements: int) -> Group:
    table = new_table("level", "n", "Base", "oracle\nSkip", "luck", "oracle\nLoop", "luck")
    columns(table, "oracle\nBoth", "luck", "oracle\ngain")
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
    table = new_table("level", "C->C\nn", "oracle\nshorter", "luck", "depth")
    for row in rows:
        table.add_row(
            str(row.level),
            str(row.correct_shorter.n),
            *_with_luck(row.correct_shorter),
            _stacked_layers(row.correct_depth),
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
    table = new_table("level", "wrong\nn", "oracle\ncorrected", "luck")
    columns(table, "W->C\nn", "oracle\nshorter", "luck", "depth")
    for row in rows:
        table.add_row(
            str(row.level),
            str(row.corrected.n),
            *_with_luck(row.corrected),
            str(row.corrected_shorter.n),
            *_with_luck(row.corrected_shorter),
            _stacked_layers(row.corrected_depth),
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
    table = new_table("level", "n", "choice", "accuracy", "luck", "vs Base", "depth")
    for row in rows:
        oracle = row.size > 1
        table.add_row(
            "" if oracle else str(row.level),
            str(row.accuracy.n),
            f"oracle, menu of {row.size}" if oracle else "static",
            inline(row.accuracy),
            percent(row.accuracy.luck) if oracle else "",
            inline(row.gain, signed=True),
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
    table = new_table("level", "fold")
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


def coverage_table(statistics: Statistics) -> Group:
    """What shared menus of up to 100 programs cover, over all levels."""
    table = new_table("k", "n", "oracle\ncovered", "luck", "solv-\nable", "oracle\ncovered", "luck")
    columns(table, "exe-\ncuted")
    for row in statistics.coverage:
        if row.level == "all":
            table.add_row(
                str(row.programs),
                str(row.covered.n),
                *with_luck(row.covered),
                str(row.of_solvable.n),
                *with_luck(row.of_solvable),
                percent(row.executed),
            )
    return _block(
        "Menus for all levels, chosen on other examples (%)",
        searched_by(statistics),
        table,
        "covered: one of the k programs is right; solvable: by the search. What is not executed "
        "counts as wrong: `polar-search menu RUN --execute` executes it.",
    )


def _budget_table(rows: Iterable[BudgetRow], searched: str) -> Group:
    table = new_table("level", "examples", "programs an example\nmin", "\nmedian", "\nmax")
    columns(table, "outcomes", "valid")
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


def searched_by(statistics: Statistics) -> str:
    """How much was searched, in a line: no oracle is read without it."""
    return f"{statistics.num_layers} layers; {_budget(statistics.budget[-1])}"


def _budget(row: BudgetRow) -> str:
    each = f"{row.programs_median:,.0f}"
    if row.programs_min < row.programs_max:
        each = f"{row.programs_min:,} to {row.programs_max:,}"
    return f"{row.examples:,} examples x {each} programs = {row.outcomes:,} outcomes"


def _stacked(estimate: Estimate) -> str:
    """The value, its interval below it: narrow."""
    if estimate.low is None:
        return percent(estimate.value)
    return f"{percent(estimate.value)}\n{bound(estimate.low)}-{bound(estimate.high)}"


def _with_luck(estimate: Estimate) -> tuple[str, str]:
    return _stacked(estimate), percent(estimate.luck)


def _stacked_layers(mean: Mean) -> str:
    if mean.value is None or mean.low is None or mean.high is None:
        return _depth(mean.value)
    return f"{mean.value:.1f}\n{mean.low:.1f}-{mean.high:.1f}"


def _depth(depth: float | None) -> str:
    return NOTHING if depth is None else f"{depth:.1f}"
