"""`polar-search demo`: the whole road on the bundled model and task, offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from polar_search.cli import explore, report
from polar_search.cli.options import make_parser
from polar_search.cli.search import run_and_show
from polar_search.search.config import SearchConfig

# One thread: the layers are too small to be worth sharing, and two wait for each other on a busy
# machine.
CONFIG = SearchConfig(
    task="tracking",
    agent="exhaustive",
    limit=200,
    ask_batch=128,
    max_edits=1,
    max_repeats=4,
    threads=1,
)


def main(arguments: Sequence[str]) -> None:
    """Search, then the answer, the report and the explorer."""
    parser = make_parser("demo", "Search the bundled model on the bundled task, offline.")
    parser.add_argument("--out", type=str, default="runs/demo", help="the run folder")
    out = Path(parser.parse_args(list(arguments)).out)
    console = Console()
    console.print(
        "Every program of one edit of the bundled model, on examples of the task `tracking`: "
        "which layers, skipped or repeated, give the right answer?\n"
    )
    run_and_show(CONFIG, out, console)
    console.print()
    tell(out, console)
    console.print("\nTo open in a browser:")
    report.show(out, out / "report", (), console)
    explore.show(out, out / "explore.html", console)
    console.print(f"\nAll tables: polar-search stats {out}\nNext: docs/start.md", soft_wrap=True)


def tell(run: Path, console: Console) -> None:
    """Accuracy by level, and what it comes to in plain words."""
    from polar_search.analysis.runs import statistics_of
    from polar_search.analysis.tables import render
    from polar_search.report.answer import headline

    statistics = statistics_of(run)
    console.print(render(statistics)[0])
    console.print("In short:", style="bold")
    for sentence in headline(statistics):
        console.print(f"- {sentence}", highlight=False)
