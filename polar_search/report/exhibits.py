"""What a report shows: each exhibit is a table, mostly with a figure, and how to read it.

`EXHIBITS` is the list, in the order of the page. One more statistic is one more entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from polar_search.analysis import Statistics
from polar_search.analysis.menus import SIZES, MenuRow
from polar_search.errors import UnknownNameError
from polar_search.report.plots import COLOURS, Series, canvas, dots, legend
from polar_search.report.sheets import Column, Sheet


@dataclass(frozen=True)
class Exhibit:
    """A table and a figure that answer one question.

    Attributes:
        name: Names its files, and `--only` names it.
        title: What it answers.
        caption: How to read it: population, what the words mean, what luck is.
        sheet: Its table.
        draw: Its figure; None where the table says it all.
    """

    name: str
    title: str
    caption: str
    sheet: Callable[[Statistics], Sheet]
    draw: Callable[[Statistics], Figure] | None = None


def chosen(only: Sequence[str]) -> tuple[Exhibit, ...]:
    """The exhibits named, in the order of the page; all where none is named.

    Raises:
        UnknownNameError: There is no such exhibit.
    """
    known = [exhibit.name for exhibit in EXHIBITS]
    for name in only:
        if name not in known:
            raise UnknownNameError("an exhibit", name, known)
    return tuple(exhibit for exhibit in EXHIBITS if not only or exhibit.name in only)


def _of(name: str) -> Callable[[Any], Any]:
    return lambda row: getattr(row, name)


def _luck(name: str) -> Column:
    return Column("luck", lambda row: _fraction(getattr(row, name).luck), digits=1)


def _fraction(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _level(row: Any) -> str:  # noqa: ANN401
    return str(row.level)


def _levels(rows: Iterable[Any]) -> list[str]:
    return ["all" if row.level == "all" else f"level {row.level}" for row in rows]


LEVEL = Column("level", _level)


def _accuracy_sheet(statistics: Statistics) -> Sheet:
    columns = (
        LEVEL,
        Column("n", lambda row: row.base.n),
        Column("Base", _of("base")),
        Column("Skip", _of("skip"), oracle=True),
        _luck("skip"),
        Column("Loop", _of("loop"), oracle=True),
        _luck("loop"),
        Column("Both", _of("both"), oracle=True),
        _luck("both"),
        Column("gain", _of("gain"), oracle=True, signed=True),
    )
    return Sheet(columns, statistics.accuracy)


def _accuracy_figure(statistics: Statistics) -> Figure:
    rows = statistics.accuracy
    series = [
        Series("Base", "base", "s", [row.base for row in rows]),
        Series("Skip (oracle)", "skip", "v", [row.skip for row in rows]),
        Series("Loop (oracle)", "loop", "^", [row.loop for row in rows]),
        Series("Both (oracle)", "both", "o", [row.both for row in rows]),
    ]
    return dots(_levels(rows), series, "examples answered, %")


def _correct_sheet(statistics: Statistics) -> Sheet:
    columns = (
        LEVEL,
        Column("C->C n", lambda row: row.correct_shorter.n),
        Column("shorter", _of("correct_shorter"), oracle=True),
        _luck("correct_shorter"),
        Column("depth, layers", _of("correct_depth"), oracle=True),
    )
    return Sheet(columns, statistics.shorter)


def _corrected_sheet(statistics: Statistics) -> Sheet:
    columns = (
        LEVEL,
        Column("wrong n", lambda row: row.corrected.n),
        Column("corrected", _of("corrected"), oracle=True),
        _luck("corrected"),
        Column("W->C n", lambda row: row.corrected_shorter.n),
        Column("shorter", _of("corrected_shorter"), oracle=True),
        _luck("corrected_shorter"),
        Column("depth, layers", _of("corrected_depth"), oracle=True),
    )
    return Sheet(columns, statistics.shorter)


def _correct_figure(statistics: Statistics) -> Figure:
    rows = statistics.shorter
    series = [Series("C->C, shorter (oracle)", "skip", "v", [r.correct_shorter for r in rows])]
    return dots(_levels(rows), series, "right ones, %")


def _corrected_figure(statistics: Statistics) -> Figure:
    rows = statistics.shorter
    series = [
        Series("corrected (oracle)", "both", "o", [row.corrected for row in rows]),
        Series("W->C, shorter (oracle)", "skip", "v", [row.corrected_shorter for row in rows]),
    ]
    return dots(_levels(rows), series, "wrong ones; corrected ones, %")


def _depth_sheet(statistics: Statistics) -> Sheet:
    share = 100 / statistics.num_layers
    columns = [LEVEL]
    kinds = (
        ("C->C", "correct_depth", lambda row: row.correct_shorter.n),
        ("W->C", "corrected_depth", lambda row: row.corrected_shorter.n),
    )
    for head, name, count in kinds:
        columns.append(Column(f"{head} n", count))
        columns.append(Column(f"{head}, layers", _of(name), oracle=True))
        columns.append(Column(f"{head}, % of D", _scaled(name, share), oracle=True))
    return Sheet(tuple(columns), statistics.shorter)


def _scaled(name: str, by: float) -> Callable[[Any], float | None]:
    def scaled(row: Any) -> float | None:  # noqa: ANN401
        value = getattr(row, name)
        return None if value is None else by * value

    return scaled


def _depth_figure(statistics: Statistics) -> Figure:
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
        axes.set_xticks(range(len(rows)), _levels(rows))
        axes.set_xlim(-0.6, len(rows) - 0.4)
        axes.set_ylim(bottom=0)
        axes.set_ylabel("executed layers, % of D")
        legend(figure, axes)
    return figure


def _menu_name(row: MenuRow) -> str:
    return "static" if row.size == 1 else f"menu of {row.size} (oracle)"


def _menu_sheet(statistics: Statistics) -> Sheet:
    columns = (
        LEVEL,
        Column("n", lambda row: row.accuracy.n),
        Column("choice", _menu_name),
        Column("accuracy", _of("accuracy")),
        _luck("accuracy"),
        Column("vs Base", _of("gain"), signed=True),
        Column("depth, layers", _of("mean_depth")),
    )
    return Sheet(columns, statistics.menus)


def _menu_figure(statistics: Statistics) -> Figure:
    looks = dict(zip(SIZES, (("loop", "^"), ("skip", "v"), ("menu", "D")), strict=True))
    series = [Series("Base", "base", "s", [row.base for row in statistics.accuracy])]
    for size in SIZES:
        rows = [row for row in statistics.menus if row.size == size]
        colour, marker = looks[size]
        series.append(Series(_menu_name(rows[0]), colour, marker, [r.accuracy for r in rows]))
    series.append(Series("all (oracle)", "both", "o", [row.both for row in statistics.accuracy]))
    return dots(_levels(statistics.accuracy), series, "examples answered, %")


def _program_sheet(statistics: Statistics) -> Sheet:
    longest = [row for row in statistics.menus if row.size == max(SIZES)]
    rows = [(row, fold, menu) for row in longest for fold, menu in enumerate(row.menus)]
    columns = (
        Column("level", lambda row: str(row[0].level)),
        Column("fold", lambda row: str(row[1])),
        Column("programs, in the order chosen", lambda row: "; ".join(row[2])),
    )
    return Sheet(columns, rows)


def _budget_sheet(statistics: Statistics) -> Sheet:
    columns = (
        LEVEL,
        Column("examples", _of("examples")),
        Column("programs an example, min", _of("programs_min")),
        Column("median", _of("programs_median"), digits=0),
        Column("max", _of("programs_max")),
        Column("outcomes", _of("outcomes")),
        Column("valid", _of("valid")),
    )
    return Sheet(columns, statistics.budget)


EXHIBITS = (
    Exhibit(
        "accuracy",
        "How many examples does some program answer?",
        "Share of the examples answered, in percent, with 95% Wilson intervals. Base is the "
        "standard pass. Skip, Loop and Both are oracles: the answer key picks a program among "
        "those searched, skipping only, repeating only, or any. Luck, the dash, is what the same "
        "programs and texts score when the answers are permuted within the level; only what lies "
        "above it is worth anything. Gain is Both minus Base (paired bootstrap).",
        _accuracy_sheet,
        _accuracy_figure,
    ),
    Exhibit(
        "correct",
        "Can right answers be had with fewer layers?",
        "Of the examples that the standard pass answers (C->C), those that a valid program answers "
        "with fewer executed layers, in percent, 95% Wilson intervals. An oracle: the answer key "
        "says which program is valid. Depth is the mean over the shortest valid programs.",
        _correct_sheet,
        _correct_figure,
    ),
    Exhibit(
        "corrected",
        "Can wrong answers be corrected?",
        "Of the examples that the standard pass gets wrong, those that some program corrects; and "
        "of these (W->C), those corrected with fewer executed layers than the standard pass. Both "
        "are oracles, in percent, with 95% Wilson intervals. Luck is that of the truly wrong.",
        _corrected_sheet,
        _corrected_figure,
    ),
    Exhibit(
        "depth",
        "How deep is the shortest valid program?",
        "Executed layers of the shortest valid program, averaged over the examples of a level "
        "that the standard pass answers (C->C) or that only a program answers (W->C). Below the "
        "line is less work than the standard pass. An oracle: the answer key says which is valid.",
        _depth_sheet,
        _depth_figure,
    ),
    Exhibit(
        "menus",
        "What is reachable with few programs, the same for all?",
        "Programs chosen on one half of the examples and scored on the other, both ways, in "
        "percent, 95% Wilson intervals. The static program needs no answer key, so its accuracy "
        "could be deployed; a menu needs an oracle to choose from it. vs Base is the difference on "
        "the same examples (paired bootstrap).",
        _menu_sheet,
        _menu_figure,
    ),
    Exhibit(
        "programs",
        "Which programs were chosen?",
        "The first is the static program, the first two the menu of two, and so on, until no "
        "program covers an example more. Each fold is scored with the programs chosen on the "
        "other. K4 keeps four layers, S2 skips two, R4 runs four twice, R2x3 two three times.",
        _program_sheet,
    ),
    Exhibit(
        "budget",
        "How much was searched?",
        "An oracle grows with the programs tried, so that runs are compared at the same budget "
        "only. Outcomes are evaluations of a program on an example; valid ones are correct.",
        _budget_sheet,
    ),
)
"""In the order of the page."""
