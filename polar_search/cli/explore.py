"""`polar-search explore`: a page to browse the examples, programs and searches of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from polar_search.cli.options import make_parser

DESCRIPTION = (
    "Write the explorer of a run: one HTML page that needs no network, to browse its examples and "
    "programs, the order of each search, and its tree."
)


def main(arguments: Sequence[str]) -> None:
    """Parse, write, say where."""
    parser = make_parser("explore", DESCRIPTION)
    parser.add_argument("run", type=str, help="the run folder")
    parser.add_argument("--out", type=str, help="the page; RUN/explore.html by default")
    parsed = parser.parse_args(list(arguments))
    show(parsed.run, parsed.out or f"{parsed.run}/explore.html", Console())


def show(run: Path | str, out: Path | str, console: Console) -> None:
    """Write the explorer of `run` into `out`."""
    from polar_search.report import write_explorer

    write_explorer(run, out)
    console.print(f"explorer: {out}", markup=False, soft_wrap=True)
