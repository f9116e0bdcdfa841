"""`polar-search search`: find the programs that answer the examples of a task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console

from polar_search.cli.options import add_config, config_of, make_parser, read_config
from polar_search.cluster.config import ClusterConfig
from polar_search.search.config import SearchConfig
from polar_search.search.places import Location

if TYPE_CHECKING:
    from polar_search.search.driver import Failure, Progress

SHOWN = 3
"""Failures that are told on the screen."""
DESCRIPTION = (
    "Find the programs that answer the examples of a task. The same command goes on with an "
    "interrupted run; --limit and --budget may grow, and another agent or seed may add to what "
    "is there."
)


def main(arguments: Sequence[str]) -> None:
    """Parse, search, and say where the results are."""
    parser = make_parser("search", DESCRIPTION)
    add_config(parser, SearchConfig, ClusterConfig)
    parser.add_argument("--out", type=str, default="runs/search", help="the run folder")
    parser.add_argument(
        "--dry-run", action="store_true", help="tell size, time and disk; run nothing"
    )
    config, parsed = read_config(parser, SearchConfig, arguments)
    cluster = config_of(parsed, ClusterConfig)
    console = Console()
    if parsed.dry_run:
        quieten_libraries()
        from polar_search.search.estimate import estimate

        console.print(str(estimate(config)))
    elif cluster.cluster is None:
        run_and_show(config, parsed.out, console)
    else:
        run_on_cluster_and_show(config, cluster, parsed.out, console)


def run_and_show(config: SearchConfig, out: Location, console: Console) -> None:
    """Search in this process with a progress display."""
    # Loading torch takes seconds; --help and mistakes in the options need none of it.
    from polar_search.cli.progress import shown
    from polar_search.search.session import Session

    quieten_libraries()
    session = Session.load(config)
    with (
        shown(console, len(session.examples), session.total()) as update,
        _interrupt_says_what_is_stored(out),
    ):
        progress = session.run(out, update)
    tell(progress, out, console)


def run_on_cluster_and_show(
    config: SearchConfig, cluster: ClusterConfig, out: Location, console: Console
) -> None:
    """Search with the workers of a cluster and a live table of them."""
    from polar_search.cli.progress import shown_with_workers
    from polar_search.cluster.search import search_on_cluster

    with shown_with_workers(console) as update, _interrupt_says_what_is_stored(out):
        status = search_on_cluster(config, cluster, out, update)
    tell(status.progress, out, console)


@contextmanager
def _interrupt_says_what_is_stored(out: Location) -> Iterator[None]:
    from polar_search.search.run import is_run

    try:
        yield
    except KeyboardInterrupt:
        if not is_run(out):
            raise  # too early for anything to be stored
        raise KeyboardInterrupt("what was evaluated is stored, the same command goes on") from None


def tell(progress: Progress, out: Location, console: Console) -> None:
    """What a search did, in a line or two."""
    from polar_search.search.run import open_run

    console.print(
        f"{progress.programs:,} outcomes of {progress.examples} examples "
        f"({progress.executed:,} executed, {progress.reused:,} from the store), "
        f"{progress.valid:,} valid, {progress.seconds:.0f} s: {out}"
    )
    if confirmation := open_run(out).read("summary.json").get("confirmation"):
        console.print(confirmation_text(confirmation))
    if progress.failures:
        console.print(failures_text(progress.failures), style="red", markup=False)


def confirmation_text(confirmation: Mapping[str, Any]) -> str:
    """What running valid programs alone has shown, in words."""
    count, overturned = confirmation["confirmed"], confirmation["overturned"]
    share = ""
    if count:
        low, high = confirmation["overturned_interval"]
        share = f" ({overturned / count:.1%}, 95% interval {low:.1%} to {high:.1%})"
    return (
        f"confirmed alone: {count:,} valid outcomes, {overturned:,} overturned{share}, "
        f"{confirmation['other_texts']:,} with another text"
    )


def failures_text(failures: Sequence[Failure]) -> str:
    """The first failures in words; all of them are in summary.json."""
    lines = [f"{len(failures)} failed (all are in summary.json):"]
    return "\n".join([*lines, *(failure.message for failure in failures[:SHOWN])])


def quieten_libraries() -> None:
    """Keep the model libraries' own bars and retries off the screen; what fails, we tell."""
    from huggingface_hub.utils.logging import set_verbosity_error
    from transformers.utils.logging import disable_progress_bar

    set_verbosity_error()  # type: ignore[no-untyped-call]
    disable_progress_bar()  # type: ignore[no-untyped-call]


def set_threads(threads: int | None) -> None:
    """Compute with so many threads, where the user says how many."""
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
