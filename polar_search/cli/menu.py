"""`polar-search menu`: what few programs, the same for all inputs, cover; by execution."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from polar_search.cli.options import make_parser
from polar_search.errors import ConfigError

DESCRIPTION = (
    "What the k best shared programs of a run cover, k = 1 to 100, chosen on one half of the "
    "examples and scored on the other. With --execute, their outcomes that are missing are "
    "executed; the same command goes on with what is left."
)
POSITIVE = ("size", "rows", "threads")


def main(arguments: Sequence[str]) -> None:
    """Parse, execute, print."""
    parser = make_parser("menu", DESCRIPTION)
    parser.kinds |= dict.fromkeys(POSITIVE, "an integer")
    parser.add_argument("run", type=str, help="the run folder")
    parser.add_argument("--execute", action="store_true", help="execute what is missing")
    parser.add_argument("--size", type=int, default=100, help="programs to execute, up to 100")
    parser.add_argument("--rows", type=int, default=1024, help="rows of one evaluation")
    parser.add_argument("--threads", type=int, default=None, help="CPU threads of torch")
    parser.add_argument("--device", type=str, default="auto", help="cpu, cuda, cuda:1, ...")
    parsed = parser.parse_args(list(arguments))
    for name in POSITIVE:
        if parsed[name] is not None and parsed[name] < 1:
            raise ConfigError(f"expected --{name} of at least 1, received {parsed[name]}; raise it")
    from polar_search.analysis.coverage import SIZE
    from polar_search.analysis.runs import statistics_of
    from polar_search.analysis.tables import coverage_table

    if parsed.size > SIZE:
        raise ConfigError(f"expected --size of {SIZE} at most, received {parsed.size}; lower it")
    console = Console(highlight=False)
    if parsed.execute:
        from polar_search.analysis.menu_execution import execute_menus
        from polar_search.cli.search import quieten_libraries, set_threads

        quieten_libraries()
        set_threads(parsed.threads)
        cells = execute_menus(
            parsed.run,
            size=parsed.size,
            rows=parsed.rows,
            device=parsed.device,
            on_progress=lambda done, total: console.print(f"{done:,}/{total:,} executed"),
        )
        console.print(f"{cells:,} outcomes beyond the search")
    console.print(coverage_table(statistics_of(parsed.run)))
