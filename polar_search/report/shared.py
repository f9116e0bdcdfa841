"""Tables and figures of programs that all inputs share: static ones, and menus."""

from __future__ import annotations

from matplotlib.figure import Figure

from polar_search.analysis import Statistics
from polar_search.analysis.menus import SIZES, MenuRow
from polar_search.report.columns import LEVEL, levels, luck, of
from polar_search.report.contents import along, over_programs
from polar_search.report.plots import Series, dots
from polar_search.report.sheets import Column, Sheet


def _menu_name(row: MenuRow) -> str:
    return "static" if row.size == 1 else f"menu of {row.size} (oracle)"


def menu_sheet(statistics: Statistics) -> Sheet:
    """The best static program and menus, chosen on other examples."""
    columns = (
        LEVEL,
        Column("n", lambda row: row.accuracy.n),
        Column("choice", _menu_name),
        Column("accuracy", of("accuracy")),
        luck("accuracy"),
        Column("vs Base", of("gain"), signed=True),
        Column("depth, layers", of("mean_depth")),
    )
    return Sheet(columns, statistics.menus)


def menu_figure(statistics: Statistics) -> Figure:
    """Base, static program, menus and all programs, by level."""
    looks = dict(zip(SIZES, (("loop", "^"), ("skip", "v"), ("menu", "D")), strict=True))
    series = [Series("Base", "base", "s", [row.base for row in statistics.accuracy])]
    for size in SIZES:
        rows = [row for row in statistics.menus if row.size == size]
        colour, marker = looks[size]
        series.append(Series(_menu_name(rows[0]), colour, marker, [r.accuracy for r in rows]))
    series.append(Series("all (oracle)", "both", "o", [row.both for row in statistics.accuracy]))
    return dots(levels(statistics.accuracy), series, "examples answered, %")


def program_sheet(statistics: Statistics) -> Sheet:
    """The programs of the menus."""
    longest = [row for row in statistics.menus if row.size == max(SIZES)]
    rows = [(row, fold, menu) for row in longest for fold, menu in enumerate(row.menus)]
    columns = (
        Column("level", lambda row: str(row[0].level)),
        Column("fold", lambda row: str(row[1])),
        Column("programs, in the order chosen", lambda row: "; ".join(row[2])),
    )
    return Sheet(columns, rows)


def coverage_sheet(statistics: Statistics) -> Sheet:
    """What the first k programs of the menus cover."""
    columns = (
        LEVEL,
        Column("programs", of("programs")),
        Column("n", lambda row: row.covered.n),
        Column("covered", of("covered"), oracle=True),
        luck("covered"),
        Column("solvable n", lambda row: row.of_solvable.n),
        Column("of the solvable", of("of_solvable"), oracle=True),
        luck("of_solvable"),
        Column("executed, %", lambda row: None if row.executed is None else 100 * row.executed),
    )
    return Sheet(columns, statistics.coverage)


def coverage_figure(statistics: Statistics) -> Figure:
    """Examples covered against programs in the menu."""
    rows = statistics.coverage
    figure = along(rows, "programs", "covered", "programs in the menu", "covered, %")
    return over_programs(figure, rows)
