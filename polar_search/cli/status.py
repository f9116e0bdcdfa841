"""`polar-search status`: how far a run is, from any shell that sees its folder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console

from polar_search.cli.options import make_parser

if TYPE_CHECKING:
    from polar_search.search.status import Status

SILENCE_SECONDS = 60.0
"""A run that goes on writes its progress every few seconds, unless one evaluation takes longer."""


def main(arguments: Sequence[str]) -> None:
    """Print the last status of a run."""
    parser = make_parser("status", "How far a run is, from another shell; updated by the run.")
    parser.add_argument("run", type=str, help="the run folder")
    run = parser.parse_args(list(arguments)).run
    from polar_search.cli.progress import rendered
    from polar_search.search.status import read_status

    status = read_status(run)
    console = Console()
    console.print(rendered(status))
    console.print(age(status), markup=False)


def age(status: Status) -> str:
    """State and age of a status, and what its silence may mean."""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(status.updated)).total_seconds()
    text = f"{status.state}, as of {max(0.0, seconds):,.0f} s ago ({status.updated})"
    if status.state == "running" and seconds > SILENCE_SECONDS:
        text += "; silent since: it may be gone, and the same search command goes on with it"
    return text
