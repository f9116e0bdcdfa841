"""`polar-search stats`: valid-program statistics of a run, on the screen and in its stats.json."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from polar_search.cli.options import make_parser
from polar_search.search.places import Location


def main(arguments: Sequence[str]) -> None:
    """Parse, compute, print."""
    parser = make_parser("stats", "Valid-program statistics of a run; also kept in RUN/stats.json.")
    parser.add_argument("run", type=str, help="the run folder")
    parser.add_argument(
        "--against", type=str, metavar="RUN", help="another run: how far the outcomes agree"
    )
    parser.add_argument(
        "--compare", choices=["paper"], help="ours beside the paper's numbers and its replication's"
    )
    parsed = parser.parse_args(list(arguments))
    console = Console()
    if parsed.against:
        show_agreement(parsed.run, parsed.against, console)
    else:
        show(parsed.run, console)
    if parsed.compare:
        show_comparison(parsed.run, console)


def show(run: Location, console: Console) -> None:
    """Print the statistics of `run`."""
    from polar_search.analysis.runs import statistics_of
    from polar_search.analysis.tables import render

    for table in render(statistics_of(run)):
        console.print(table)


def show_agreement(run: str, against: str, console: Console) -> None:
    """Print how far two runs agree."""
    from polar_search.analysis.agreement import agreement
    from polar_search.analysis.comparisons import agreement_table
    from polar_search.analysis.runs import outcomes_of

    console.print(agreement_table(agreement(outcomes_of(run), outcomes_of(against)), against))


def show_comparison(run: str, console: Console) -> None:
    """Print the statistics of `run` beside the published ones."""
    from polar_search.analysis.compare import compare_with_paper
    from polar_search.analysis.comparisons import comparison_table
    from polar_search.analysis.runs import model_of, statistics_of

    console.print(comparison_table(compare_with_paper(statistics_of(run), model_of(run))))
