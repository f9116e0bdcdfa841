"""The map of a model as a table and a figure: every block of layers skipped, and repeated."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure

from polar_search.analysis import Statistics
from polar_search.analysis.blocks import KINDS
from polar_search.report.columns import of
from polar_search.report.plots import COLOURS, panels
from polar_search.report.sheets import Column, Sheet

WORSE_BETTER = LinearSegmentedColormap.from_list(
    "worse, better", [COLOURS["loop"], "#f2f2f2", COLOURS["skip"]]
)
"""Orange is worse than the standard pass, blue is better: told apart by every eye."""


def blocks_sheet(statistics: Statistics) -> Sheet:
    """Each block, what was done with it, and what that gained."""
    columns = (
        Column("block", of("kind")),
        Column("first layer", of("first")),
        Column("last layer", of("last")),
        Column("n", lambda row: row.gain.n),
        Column("vs Base", of("gain"), signed=True),
    )
    return Sheet(columns, statistics.blocks)


def blocks_figure(statistics: Statistics) -> Figure:
    """Two maps: first layer down, last layer across, the gain in points as colour."""
    depth = statistics.num_layers
    gains = {kind: np.full((depth, depth), np.nan) for kind in KINDS.values()}
    for row in statistics.blocks:
        if row.gain.value is not None:
            gains[row.kind][row.first, row.last] = 100 * row.gain.value
    found = np.concatenate([gain[~np.isnan(gain)] for gain in gains.values()])
    most = max(1.0, float(np.abs(found).max(initial=0.0)))
    with panels(len(gains), (7.2, 3.4)) as (figure, all_axes):
        for axes, (kind, gain) in zip(all_axes, gains.items(), strict=True):
            drawn = _map(axes, gain, most)
            axes.set_title(f"block {kind}", color=COLOURS["ink"], fontsize=9)
        bar = figure.colorbar(drawn, ax=list(all_axes), shrink=0.8, label="points above Base")
        if bar.solids is not None:
            bar.solids.set_rasterized(False)  # an embedded picture would be a link of the page
        bar.outline.set_visible(False)
    return figure


def _map(
    axes: Axes, gain: np.ndarray[tuple[int, int], np.dtype[np.float64]], most: float
) -> QuadMesh:
    depth = len(gain)
    edges = np.arange(depth + 1) - 0.5
    drawn = axes.pcolormesh(
        edges, edges, gain, cmap=WORSE_BETTER, norm=TwoSlopeNorm(0, -most, most)
    )
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.grid(visible=False)
    step = max(1, depth // 8)
    axes.set_xticks(range(0, depth, step))
    axes.set_yticks(range(0, depth, step))
    axes.set_xlabel("last layer")
    axes.set_ylabel("first layer")
    return drawn
