"""`polar-search verify-labels`: execute imported labels again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from polar_search.cli.options import make_parser
from polar_search.errors import ConfigError

DESCRIPTION = (
    "Execute the imported labels of a run with the model they are for, and the standard pass. The "
    "outcomes join the run, where they count before imported ones. The same command goes on with "
    "what is missing."
)
POSITIVE = ("limit", "rows", "threads")


def main(arguments: Sequence[str]) -> None:
    """Parse, execute, say how many verdicts stay."""
    parser = make_parser("verify-labels", DESCRIPTION)
    parser.kinds |= dict.fromkeys(POSITIVE, "an integer")
    parser.add_argument("run", type=str, help="the run folder with imported labels")
    parser.add_argument("--model", type=str, required=True, help="name, Hub id or local folder")
    parser.add_argument("--limit", type=int, default=None, help="examples of each level at most")
    parser.add_argument("--rows", type=int, default=1024, help="rows of one evaluation")
    parser.add_argument("--threads", type=int, default=None, help="CPU threads of torch")
    parser.add_argument("--device", type=str, default="auto", help="cpu, cuda, cuda:1, ...")
    parser.add_argument("--dtype", type=str, default="auto", help="of the weights")
    parsed = parser.parse_args(list(arguments))
    for name in POSITIVE:
        if parsed[name] is not None and parsed[name] < 1:
            raise ConfigError(f"expected --{name} of at least 1, received {parsed[name]}; raise it")
    from polar_search.cli.search import quieten_libraries, set_threads
    from polar_search.exchange import verify_labels

    quieten_libraries()
    set_threads(parsed.threads)
    console = Console(highlight=False)
    verified = verify_labels(
        Path(parsed.run),
        parsed.model,
        limit=parsed.limit,
        rows=parsed.rows,
        device=parsed.device,
        dtype=parsed.dtype,
        on_progress=lambda done, total: console.print(f"{done:,}/{total:,} executed"),
    )
    same = verified.same
    if same.value is None or same.low is None or same.high is None:
        raise ConfigError("expected labels to compare, received none; raise --limit")
    console.print(
        f"{same.value:.1%} of the verdicts stay (95% interval {same.low:.1%} to {same.high:.1%}, "
        f"n = {same.n:,}); {verified.now_valid:,} became valid, {verified.now_invalid:,} invalid"
    )
