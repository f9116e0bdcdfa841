"""`polar-search stats`: valid-program statistics of a run, on the screen and in its stats.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from polar_search.cli.options import make_parser


def main(arguments: Sequence[str]) -> None:
    """Parse, compute, print."""
    parser = make_parser("stats", "Valid-program statistics of a run; also kept in RUN/stats.json.")
    parser.add_argument("run", type=str, help="the run folder")
    show(Path(parser.parse_args(list(arguments)).run), Console())


def show(run: Path, console: Console) -> None:
    """Print the statistics of `run`."""
    from polar_search.analysis.runs import statistics_of
    from polar_search.analysis.tables import render

    for table in render(statistics_of(run)):
        console.print(table)
