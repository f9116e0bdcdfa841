"""`polar-search load`: a data set made by `push-to-hub` becomes a run again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from polar_search.cli.options import make_parser


def main(arguments: Sequence[str]) -> None:
    """Parse, load, say what comes next."""
    parser = make_parser("load", "Make a run of a data set that `push-to-hub` has written.")
    parser.add_argument("source", type=str, help="the data set's Hub id, or a folder")
    parser.add_argument("--out", type=str, required=True, help="the new run folder")
    parsed = parser.parse_args(list(arguments))
    from polar_search.exchange import load_run

    out = load_run(parsed.source, Path(parsed.out))
    Console(highlight=False).print(f"loaded; next: polar-search stats {out}", markup=False)
