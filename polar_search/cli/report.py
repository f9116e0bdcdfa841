"""`polar-search report`: what programs are worth in a run, as one page, figures and tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from polar_search.cli.options import make_parser

DESCRIPTION = (
    "Write the report of a run: one HTML page that needs no network, its figures as PNG and SVG, "
    "its tables as CSV, LaTeX and Markdown."
)


def main(arguments: Sequence[str]) -> None:
    """Parse, write, say where."""
    parser = make_parser("report", DESCRIPTION)
    parser.add_argument("run", type=str, help="the run folder")
    parser.add_argument("--out", type=str, help="where to write; RUN/report by default")
    parser.add_argument(
        "--only", type=str, nargs="+", default=[], help="exhibits to show, such as accuracy menus"
    )
    parsed = parser.parse_args(list(arguments))
    run = Path(parsed.run)
    show(run, Path(parsed.out) if parsed.out else run / "report", parsed.only, Console())


def show(run: Path, out: Path, only: Sequence[str], console: Console) -> None:
    """Write the report of `run` into `out`; print the tables that were asked for by name."""
    from polar_search.report import write_report

    shown = write_report(run, out, only)
    if only:
        for one in shown:
            console.print(f"{one.exhibit.title}\n\n{one.sheet.markdown()}", markup=False)
    console.print(f"report: {out / 'report.html'}", markup=False, soft_wrap=True)
