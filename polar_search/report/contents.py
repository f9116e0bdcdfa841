"""The tables and figures of the exhibits, from the statistics of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from polar_search.analysis import Statistics
from polar_search.report.columns import LEVEL, count_of, levels, luck, of
from polar_search.report.plots import COLOURS, Series, dots, lines
from polar_search.report.sheets import Column, Sheet


def accuracy_sheet(statistics: Statistics) -> Sheet:
    """Base and the oracles, with their luck."""
    columns = (
        LEVEL,
        Column("n", lambda row: row.base.n),
        Column("Base", of("base")),
        Column("Skip", of("skip"), oracle=True),
        luck("skip"),
        Column("Loop", of("loop"), oracle=True),
        luck("loop"),
        Column("Both", of("both"), oracle=True),
        luck("both"),
        Column("gain", of("gain"), oracle=True, signed=True),
    )
    return Sheet(columns, statistics.accuracy)


def accuracy_figure(statistics: Statistics) -> Figure:
    """Base and the oracles, by level."""
    rows = statistics.accuracy
    series = [
        Series("Base", "base", "s", [row.base for row in rows]),
        Series("Skip (oracle)", "skip", "v", [row.skip for row in rows]),
        Series("Loop (oracle)", "loop", "^", [row.loop for row in rows]),
        Series("Both (oracle)", "both", "o", [row.both for row in rows]),
    ]
    return dots(levels(rows), series, "examples answered, %")


def correct_sheet(statistics: Statistics) -> Sheet:
    """Right answers with fewer layers."""
    columns = (
        LEVEL,
        Column("C->C n", lambda row: row.correct_shorter.n),
        Column("shorter", of("correct_shorter"), oracle=True),
        luck("correct_shorter"),
        Column("depth, layers", of("correct_depth"), oracle=True),
        luck("correct_depth"),
    )
    return Sheet(columns, statistics.shorter)


def corrected_sheet(statistics: Statistics) -> Sheet:
    """Wrong answers corrected, and by fewer layers."""
    columns = (
        LEVEL,
        Column("wrong n", lambda row: row.corrected.n),
        Column("corrected", of("corrected"), oracle=True),
        luck("corrected"),
        Column("W->C n", lambda row: row.corrected_shorter.n),
        Column("shorter", of("corrected_shorter"), oracle=True),
        luck("corrected_shorter"),
        Column("depth, layers", of("corrected_depth"), oracle=True),
        luck("corrected_depth"),
    )
    return Sheet(columns, statistics.shorter)


def correct_figure(statistics: Statistics) -> Figure:
    """Right answers with fewer layers, by level."""
    rows = statistics.shorter
    series = [Series("C->C, shorter (oracle)", "skip", "v", [r.correct_shorter for r in rows])]
    return dots(levels(rows), series, "right ones, %")


def corrected_figure(statistics: Statistics) -> Figure:
    """Wrong answers corrected, by level."""
    rows = statistics.shorter
    series = [
        Series("corrected (oracle)", "both", "o", [row.corrected for row in rows]),
        Series("W->C, shorter (oracle)", "skip", "v", [row.corrected_shorter for row in rows]),
    ]
    return dots(levels(rows), series, "wrong ones; corrected ones, %")


KINDS = (("C->C", "correct", "skip", "v"), ("W->C", "corrected", "loop", "^"))
"""Examples that the standard pass answers, or a program only: label, attribute, looks."""


def depth_sheet(statistics: Statistics) -> Sheet:
    """Mean depth, and distinct layers, of the shortest valid program."""
    columns = [LEVEL]
    for label, name, *_ in KINDS:
        columns += [
            Column(f"{label} n", count_of(f"{name}_depth")),
            Column(f"{label}, layers", of(f"{name}_depth"), oracle=True),
            luck(f"{name}_depth"),
            Column(f"{label}, distinct", of(f"{name}_unique"), oracle=True),
            luck(f"{name}_unique"),
        ]
    return Sheet(tuple(columns), statistics.shorter)


def depth_figure(statistics: Statistics) -> Figure:
    """Mean depth of the shortest valid program, by level, in percent of D."""
    rows, layers = statistics.shorter, statistics.num_layers
    series = [
        Series(
            *(label, colour, marker),
            [getattr(row, f"{name}_depth").scaled(1 / layers) for row in rows],
        )
        for label, name, colour, marker in KINDS
    ]
    figure = dots(levels(rows), series, "executed layers, % of D")
    axes = figure.axes[0]
    axes.axhline(100, color=COLOURS["base"], linestyle="--", linewidth=1)
    ends = [point.high or point.value or 0.0 for one in series for point in one.points]
    axes.set_ylim(0, 105 * max(1.0, *ends))
    return figure


LEVEL_LOOKS = (("skip", "v"), ("both", "o"), ("menu", "D"), ("loop", "^"), ("luck", "P"))
"""Colour and marker of the levels, from the first on, and again from the beginning."""


def along(rows: Sequence[Any], name: str, estimate: str, xlabel: str, ylabel: str) -> Figure:
    """A line for each level, along the attribute `name`."""
    known = list(dict.fromkeys(row.level for row in rows))
    series = [
        Series(label, *look, [getattr(row, estimate) for row in rows if row.level == level])
        for level, label, look in zip(
            known,
            ["all" if level == "all" else f"level {level}" for level in known],
            [
                ("base", "s") if level == "all" else LEVEL_LOOKS[i % len(LEVEL_LOOKS)]
                for i, level in enumerate(known)
            ],
            strict=True,
        )
    ]
    across = [getattr(row, name) for row in rows if row.level == known[0]]
    return lines(across, series, xlabel, ylabel)


def within_sheet(rows: Sequence[Any], allowed: str) -> Sheet:
    """Examples solved within a depth, which `allowed` names."""
    layers = Column("layers at most", of("layers"))
    return _solved_sheet(rows, Column(allowed, of("allowed")), layers)


def curve_sheet(statistics: Statistics) -> Sheet:
    """Examples solved against programs tried."""
    return _solved_sheet(statistics.curve, Column("programs tried", of("programs")))


def _solved_sheet(rows: Sequence[Any], *along: Column) -> Sheet:
    """Examples solved along a quantity."""
    columns = (
        *(LEVEL, *along, Column("n", lambda row: row.solved.n)),
        *(Column("solved", of("solved"), oracle=True), luck("solved")),
    )
    return Sheet(columns, rows)


def curve_figure(statistics: Statistics) -> Figure:
    """Examples solved against programs tried, on a logarithmic axis that begins at none."""
    figure = along(statistics.curve, "programs", "solved", "programs tried", "solved, %")
    return over_programs(figure, statistics.curve)


def over_programs(figure: Figure, rows: Sequence[Any]) -> Figure:
    """A figure along numbers of programs, which are many: a logarithmic axis from none on."""
    tried = sorted({row.programs for row in rows})
    axes = figure.axes[0]
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(-0.2 if 0 in tried else 0.9, 1.15 * max([1, *tried]))
    axes.set_xticks(tried, [str(programs) for programs in tried])
    axes.minorticks_off()
    return figure


def needs_sheet(statistics: Statistics) -> Sheet:
    """What solvable examples cannot do without."""
    columns = (
        LEVEL,
        Column("solvable n", lambda row: row.recurrence.n),
        Column("needs repeating", of("recurrence"), oracle=True),
        luck("recurrence"),
        Column("needs skipping", of("skipping"), oracle=True),
        luck("skipping"),
    )
    return Sheet(columns, statistics.needs)


def needs_figure(statistics: Statistics) -> Figure:
    """What solvable examples cannot do without, by level."""
    rows = statistics.needs
    series = [
        Series("needs repeating (oracle)", "loop", "^", [row.recurrence for row in rows]),
        Series("needs skipping (oracle)", "skip", "v", [row.skipping for row in rows]),
    ]
    return dots(levels(rows), series, "solvable examples, %")


def attempts_sheet(statistics: Statistics) -> Sheet:
    """Accuracy of the programs tried, by depth."""
    columns = (
        LEVEL,
        Column("depth, % of D", lambda row: f"{row.percent} to {row.percent + 10}"),
        Column("outcomes", lambda row: row.accuracy.n),
        Column("right", of("accuracy")),
        luck("accuracy"),
    )
    return Sheet(columns, statistics.attempts)


def budget_sheet(statistics: Statistics) -> Sheet:
    """What was searched."""
    columns = (
        LEVEL,
        Column("examples", of("examples")),
        Column("programs an example, min", of("programs_min")),
        Column("median", of("programs_median"), digits=0),
        Column("max", of("programs_max")),
        Column("outcomes", of("outcomes")),
        Column("valid", of("valid")),
    )
    return Sheet(columns, statistics.budget)
