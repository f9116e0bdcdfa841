"""`polar-search import-labels`: labels of PoLar, RE-PoLar or Dr.LLM become a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from polar_search.cli.options import make_parser

DESCRIPTION = (
    "Make a run of a label file: merged_mcts_samples.json(.gz) of PoLar or RE-PoLar, or tuples of "
    "Dr.LLM. Its outcomes have the source `imported`; `verify-labels` executes them again."
)


def main(arguments: Sequence[str]) -> None:
    """Parse, import, say what was taken over and what was not."""
    parser = make_parser("import-labels", DESCRIPTION)
    parser.kinds |= {"num_layers": "an integer", "task_options": "a mapping"}
    parser.add_argument("file", type=str, help="the label file")
    parser.add_argument(
        "--num-layers", type=int, required=True, help="layers of the model the labels are for"
    )
    parser.add_argument("--out", type=str, required=True, help="the new run folder")
    parser.add_argument(
        "--task", type=str, default=None, help="whose examples these are; the file's by default"
    )
    parser.add_argument(
        "--task-options", type=Mapping[str, Any], default={}, help="the task's own options"
    )
    parser.add_argument(
        "--model", type=str, default="unknown", help="the model's name, for the record"
    )
    parsed = parser.parse_args(list(arguments))
    from polar_search.exchange import import_labels

    report = import_labels(
        Path(parsed.file),
        parsed.num_layers,
        Path(parsed.out),
        task=parsed.task,
        task_options=parsed.task_options,
        model=parsed.model,
    )
    console = Console(highlight=False)
    console.print(
        f"{report.outcomes:,} outcomes of {report.examples:,} examples imported: {parsed.out}",
        markup=False,
    )
    for reason, count in report.left_out.items():
        console.print(f"left out: {count:,} {reason}", markup=False)
    if report.without_base:
        console.print(
            f"the file does not tell the standard pass of {report.without_base:,} examples, which "
            f"statistics need: polar-search verify-labels {parsed.out} --model MODEL executes it",
            markup=False,
        )
