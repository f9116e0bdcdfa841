"""Tables and figures of what valid programs look like, and of how fragile corrections are."""

from __future__ import annotations

from matplotlib.figure import Figure

from polar_search.analysis import Statistics
from polar_search.report.columns import LEVEL, levels, luck, of
from polar_search.report.plots import Series, dots
from polar_search.report.sheets import Column, Sheet

WORDS = {"layers": "layers", "recurrences": "repeats"}


def segments_sheet(statistics: Statistics) -> Sheet:
    """Lengths and recurrences of the edits of valid programs."""
    columns = (
        LEVEL,
        Column("of an edit", of("kind")),
        Column("number", of("value")),
        Column("edits", lambda row: row.share.n),
        Column("share", of("share")),
        luck("share"),
    )
    return Sheet(columns, statistics.segments)


def segments_figure(statistics: Statistics) -> Figure:
    """Lengths and recurrences of the edits of valid programs, over all levels."""
    rows = [row for row in statistics.segments if row.level == "all"]
    groups = [f"{row.value} {WORDS[row.kind]}" for row in rows]
    series = [Series("edits of valid programs", "both", "o", [row.share for row in rows])]
    return dots(groups, series, "edits, %")


def positions_sheet(statistics: Statistics) -> Sheet:
    """Where valid programs are edited, beside all programs tried."""
    columns = (
        LEVEL,
        Column("edit", of("edit")),
        Column("third of the model", of("third")),
        Column("edits of valid programs", lambda row: row.valid.n),
        Column("valid", of("valid")),
        luck("valid"),
        Column("tried", of("tried")),
    )
    return Sheet(columns, statistics.positions)


def positions_figure(statistics: Statistics) -> Figure:
    """Where valid programs are edited, beside all programs tried, over all levels."""
    rows = [row for row in statistics.positions if row.level == "all"]
    groups = [f"edit {row.edit}, {row.third}" for row in rows]
    series = [
        Series("valid programs", "both", "o", [row.valid for row in rows]),
        Series("all programs tried", "base", "s", [row.tried for row in rows]),
    ]
    return dots(groups, series, "edits, %")


def robustness_sheet(statistics: Statistics) -> Sheet:
    """What one edit more or less does to correcting programs."""
    columns = (
        LEVEL,
        Column("neighbours with one less", lambda row: row.removed.n),
        Column("one edit less", of("removed"), oracle=True),
        luck("removed"),
        Column("neighbours with one more", lambda row: row.added.n),
        Column("one edit more", of("added"), oracle=True),
        luck("added"),
    )
    return Sheet(columns, statistics.robustness)


def robustness_figure(statistics: Statistics) -> Figure:
    """What one edit more or less does to correcting programs, by level."""
    rows = statistics.robustness
    series = [
        Series("one edit less", "skip", "v", [row.removed for row in rows]),
        Series("one edit more", "loop", "^", [row.added for row in rows]),
    ]
    return dots(levels(rows), series, "still correct, %")
