"""`polar-search report`: what programs are worth in a run, as one page, figures and tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from polar_search.cli.options import make_parser
from polar_search.search.places import Location

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
    parser.add_argument(
        "--against", type=str, metavar="RUN", help="another run: how far the outcomes agree"
    )
    parser.add_argument(
        "--compare", choices=["paper"], help="ours beside the paper's numbers and its replication's"
    )
    parsed = parser.parse_args(list(arguments))
    beside = {"against": parsed.against, "paper": parsed.compare == "paper"}
    show(parsed.run, parsed.out or f"{parsed.run}/report", parsed.only, Console(), **beside)


def show(
    run: Location,
    out: Location,
    only: Sequence[str],
    console: Console,
    *,
    against: Location | None = None,
    paper: bool = False,
) -> None:
    """Write the report of `run` into `out`; print the tables that were asked for by name."""
    from polar_search.report import write_report

    shown = write_report(run, out, only, against=against, paper=paper)
    if only:
        for one in shown:
            console.print(f"{one.exhibit.title}\n\n{one.sheet.markdown()}", markup=False)
    console.print(f"report: {out}/report.html", markup=False, soft_wrap=True)
