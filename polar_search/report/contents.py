"""The tables and figures of the exhibits, from the statistics of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.figure import Figure

from polar_search.analysis import Statistics
from polar_search.analysis.menus import SIZES, MenuRow
from polar_search.report.columns import LEVEL, levels, luck, of
from polar_search.report.plots import COLOURS, Series, canvas, dots, legend, lines
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


def depth_sheet(statistics: Statistics) -> Sheet:
    """Mean depth of the shortest valid program, in layers and percent of D."""
    share = 100 / statistics.num_layers
    columns = [LEVEL]
    kinds = (
        ("C->C", "correct_depth", lambda row: row.correct_shorter.n),
        ("W->C", "corrected_depth", lambda row: row.corrected_shorter.n),
    )
    for head, name, count in kinds:
        columns.append(Column(f"{head} n", count))
        columns.append(Column(f"{head}, layers", of(name), oracle=True))
        columns.append(Column(f"{head}, % of D", _scaled(name, share), oracle=True))
    return Sheet(tuple(columns), statistics.shorter)


def _scaled(name: str, by: float) -> Callable[[Any], float | None]:
    def scaled(row: Any) -> float | None:  # noqa: ANN401
        value = getattr(row, name)
        return None if value is None else by * value

    return scaled


def depth_figure(statistics: Statistics) -> Figure:
    """Mean depth of the shortest valid program, by level."""
    rows, share = statistics.shorter, 100 / statistics.num_layers
    with canvas() as (figure, axes):
        kinds = (
            ("C->C", "correct_depth", "skip", "v"),
            ("W->C", "corrected_depth", "loop", "^"),
        )
        for label, name, colour, marker in kinds:
            depths = list(map(_scaled(name, share), rows))
            shown = [(i, depth) for i, depth in enumerate(depths) if depth is not None]
            across, up = zip(*shown, strict=True) if shown else ((), ())
            axes.plot(across, up, marker, color=COLOURS[colour], markersize=8, label=label)
        axes.axhline(100, color=COLOURS["base"], linestyle="--", linewidth=1, label="standard pass")
        axes.set_xticks(range(len(rows)), levels(rows))
        axes.set_xlim(-0.6, len(rows) - 0.4)
        axes.set_ylim(bottom=0)
        axes.set_ylabel("executed layers, % of D")
        legend(figure, axes)
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
    columns = (
        LEVEL,
        Column(allowed, of("allowed")),
        Column("layers at most", of("layers")),
        Column("n", lambda row: row.solved.n),
        Column("solved", of("solved"), oracle=True),
        luck("solved"),
    )
    return Sheet(columns, rows)


def curve_sheet(statistics: Statistics) -> Sheet:
    """Examples solved against programs tried."""
    columns = (
        LEVEL,
        Column("programs tried", of("programs")),
        Column("n", lambda row: row.solved.n),
        Column("solved", of("solved"), oracle=True),
        luck("solved"),
    )
    return Sheet(columns, statistics.curve)


def curve_figure(statistics: Statistics) -> Figure:
    """Examples solved against programs tried, on a logarithmic axis that begins at none."""
    figure = along(statistics.curve, "programs", "solved", "programs tried", "solved, %")
    tried = sorted({row.programs for row in statistics.curve})
    axes = figure.axes[0]
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(-0.2, 1.15 * max(tried[-1], 1))
    axes.set_xticks(tried, [str(programs) for programs in tried])
    axes.minorticks_off()
    return figure


def needs_sheet(statistics: Statistics) -> Sheet:
    """What solvable examples cannot do without."""
    columns = (
        LEVEL,
        Column("solvable n", lambda row: row.recurrence.n),
        Column("needs repeating", of("recurrence"), oracle=True),
        Column("needs skipping", of("skipping"), oracle=True),
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
    )
    return Sheet(columns, statistics.attempts)


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
