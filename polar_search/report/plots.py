"""How figures look: one palette, safe for colour-blind readers, in print and on both backgrounds.

The colours are those of Okabe and Ito ("Color Universal Design", 2008). Every series also has a
marker of its own, so that nothing is told by colour alone. In a page the colours of a drawing are
exchanged for the page's variables, which is how one drawing serves light and dark.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from polar_search.analysis import Estimate, Mean
from polar_search.analysis.outcomes import Floats

COLOURS = {
    "ink": "#1c2127",
    "muted": "#5b6570",
    "line": "#d5dbe1",
    "base": "#66707b",
    "skip": "#0072b2",
    "loop": "#d55e00",
    "both": "#009e73",
    "luck": "#b8548c",
    "menu": "#8d6b00",
}
"""On white. A page has variables of the same names, with values of its own in the dark."""

STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": COLOURS["line"],
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": COLOURS["muted"],
    "axes.labelsize": 9,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "grid.color": COLOURS["line"],
    "grid.linewidth": 0.6,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "legend.labelcolor": COLOURS["ink"],
    "savefig.transparent": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "polar-search",
    "text.color": COLOURS["ink"],
    "xtick.color": COLOURS["muted"],
    "xtick.major.size": 0,
    "ytick.color": COLOURS["muted"],
    "ytick.major.size": 0,
}
SIZE = (7.2, 3.2)
"""Inches."""
ROOM = 0.62
"""Of the way from one group of points to the next, what the points take."""


@dataclass(frozen=True)
class Series:
    """Points of one kind, one a group."""

    label: str
    colour: str
    marker: str
    points: Sequence[Estimate | Mean]


@contextmanager
def canvas(size: tuple[float, float] = SIZE) -> Iterator[tuple[Figure, Axes]]:
    """An empty figure in the house style, with axes."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size)
        yield figure, figure.subplots()


@contextmanager
def panels(count: int, size: tuple[float, float]) -> Iterator[tuple[Figure, Sequence[Axes]]]:
    """An empty figure in the house style, with `count` axes side by side."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size)
        yield figure, figure.subplots(1, count, squeeze=False)[0]


def dots(groups: Sequence[str], series: Sequence[Series], ylabel: str) -> Figure:
    """Estimates side by side in each group, with their intervals, and their luck as a dash."""
    with canvas() as (figure, axes):
        step = ROOM / max(3, len(series) - 1)
        for i, one in enumerate(series):
            places: Floats = (
                np.arange(len(groups), dtype=np.float64) + (i - (len(series) - 1) / 2) * step
            )
            _points(axes, places, one)
        _luck(axes, len(groups), series, step)
        axes.set_xticks(range(len(groups)), groups)
        axes.set_xlim(-0.6, len(groups) - 0.4)
        axes.set_ylim(-3, 103)
        axes.set_ylabel(ylabel)
        legend(figure, axes)
    return figure


def lines(across: Sequence[float], series: Sequence[Series], xlabel: str, ylabel: str) -> Figure:
    """Estimates along a quantity, intervals as bands; the luck of the last series is dashed."""
    with canvas() as (figure, axes):
        for one in series:
            colour = COLOURS[one.colour]
            low, value, high = (_percents(one.points, part) for part in ("low", "value", "high"))
            axes.fill_between(across, low, high, color=colour, alpha=0.14, linewidth=0)
            axes.plot(across, value, one.marker + "-", color=colour, label=one.label, markersize=5)
        luck = _percents(series[-1].points, "luck")
        if not np.isnan(luck).all():
            axes.plot(across, luck, "--", color=COLOURS["luck"], linewidth=1.5, label="luck")
        axes.set_ylim(-3, 103)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        legend(figure, axes)
    return figure


def _percents(points: Sequence[Estimate | Mean], part: str) -> Floats:
    """One part of each estimate, in percent; what cannot be had is a gap."""
    values = [getattr(point, part) for point in points]
    return np.array([np.nan if v is None else 100 * v for v in values], dtype=np.float64)


def _points(axes: Axes, places: Floats, one: Series) -> None:
    """Markers with their intervals; where there is no example, nothing."""
    shown = [(x, p) for x, p in zip(places, one.points, strict=True) if p.value is not None]
    values = np.array([p.value for _, p in shown], dtype=np.float64)
    low = np.array([p.value if p.low is None else p.low for _, p in shown], dtype=np.float64)
    high = np.array([p.value if p.high is None else p.high for _, p in shown], dtype=np.float64)
    axes.errorbar(
        [x for x, _ in shown],
        100 * values,
        # Rounding can put an end of an interval a hair on the wrong side of its value.
        yerr=100 * np.clip([values - low, high - values], 0, None),
        color=COLOURS[one.colour],
        elinewidth=1.4,
        label=one.label,
        linestyle="none",
        marker=one.marker,
        markersize=6,
    )


def _luck(axes: Axes, groups: int, series: Sequence[Series], step: float) -> None:
    places = [
        (group + (i - (len(series) - 1) / 2) * step, 100 * point.luck)
        for i, one in enumerate(series)
        for group, point in zip(range(groups), one.points, strict=True)
        if point.luck is not None
    ]
    if places:
        across, up = zip(*places, strict=True)
        half = step / 2.6
        axes.hlines(
            up,
            np.subtract(across, half),
            np.add(across, half),
            colors=COLOURS["luck"],
            label="luck",
            linewidth=2,
        )


def legend(figure: Figure, axes: Axes) -> None:
    """The legend in one line above the axes, luck last."""
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: labels[i] == "luck")
    figure.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="outside upper left",
        ncols=7,
        handletextpad=0.4,
        columnspacing=1.3,
    )


def png(figure: Figure) -> bytes:
    """The figure on white, 200 dots an inch."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=200, facecolor="white", transparent=False)
    return file.getvalue()


def svg(figure: Figure) -> str:
    """The figure as SVG with text as text, the same bytes for the same figure."""
    file = io.StringIO()
    with mpl.rc_context(STYLE):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def inline_svg(figure: Figure, title: str, prefix: str) -> str:
    """SVG to stand inside a page: no prologue, ids of its own, the page's colours and fonts.

    Args:
        figure: What to draw.
        title: What it shows, for those who cannot see it.
        prefix: Begins every id in it; ids of one page must not meet.
    """
    text = svg(figure)
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", text)
    for name, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{name})")
    label = f'<svg role="img" aria-label="{escape(title)}" '
    return re.sub(r'<svg (.*?)width="[^"]*"', rf"{label}\1", text, count=1, flags=re.DOTALL)
