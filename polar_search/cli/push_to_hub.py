"""`polar-search push-to-hub`: a run as a data set, on the Hub or in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from polar_search.cli.options import make_parser

DESCRIPTION = "Publish a run as a data set of the Hub, with a card; `load` makes it a run again."


def main(arguments: Sequence[str]) -> None:
    """Parse, publish, say where."""
    parser = make_parser("push-to-hub", DESCRIPTION)
    parser.add_argument("run", type=str, help="the run folder")
    parser.add_argument(
        "target", type=str, help="Hub id owner/name, or a folder that begins with ./ or /"
    )
    parser.add_argument("--private", action="store_true", help="make a new data set private")
    parsed = parser.parse_args(list(arguments))
    from polar_search.exchange import push_to_hub
    from polar_search.exchange.hub import save_dataset

    if parsed.target.startswith((".", "/", "~")):
        where = str(save_dataset(Path(parsed.run), Path(parsed.target).expanduser()))
    else:
        where = push_to_hub(Path(parsed.run), parsed.target, private=parsed.private)
    Console(highlight=False).print(f"{parsed.run} as a data set: {where}", markup=False)
