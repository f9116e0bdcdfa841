"""`polar-search export-labels`: the outcomes of a run as a label file of other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from polar_search.cli.options import make_parser

DESCRIPTION = (
    "Write the outcomes of a run as a label file: merged_mcts_samples.json as PoLar and RE-PoLar "
    "have it, or tuples of Dr.LLM; compressed where the name ends with .gz."
)


def main(arguments: Sequence[str]) -> None:
    """Parse, export, say what was written and what the format cannot hold."""
    parser = make_parser("export-labels", DESCRIPTION)
    parser.add_argument("run", type=str, help="the run folder")
    parser.add_argument("file", type=str, help="the label file to write")
    parser.add_argument(
        "--format", choices=["merged", "drllm"], default="merged", help="whose format"
    )
    parsed = parser.parse_args(list(arguments))
    from polar_search.exchange import export_labels

    report = export_labels(Path(parsed.run), Path(parsed.file), parsed.format)
    console = Console(highlight=False)
    console.print(
        f"{report.programs:,} programs of {report.examples:,} examples: {parsed.file}", markup=False
    )
    if parsed.format == "drllm":
        console.print(
            f"left out: {report.lost:,} valid programs that repeat a block as one or a layer more "
            f"than twice, and {report.unsaid:,} invalid ones",
            markup=False,
        )
