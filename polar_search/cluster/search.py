"""A search on a cluster: connect, start the workers, search in the way that fits, sum up.

The driver loads no model, and it alone owns the run folder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Protocol

import ray

from polar_search.cluster.config import ClusterConfig
from polar_search.cluster.connection import connected
from polar_search.cluster.crew import TICK_SECONDS, Crew
from polar_search.cluster.fleet import Fleet
from polar_search.cluster.leased import LeasedSearch
from polar_search.cluster.metrics import RayMetrics, tensorboard
from polar_search.cluster.spread import Spread, SpreadSearch, layers_of, opened_store
from polar_search.cluster.worker import Worker
from polar_search.errors import AgentError
from polar_search.search.agent import scope_of
from polar_search.search.config import SearchConfig
from polar_search.search.confirmation import AT_ONCE, confirm
from polar_search.search.places import Location, place_of
from polar_search.search.run import RunFolder
from polar_search.search.session import agent_factory, select
from polar_search.search.status import State, Status, StatusFile
from polar_search.tasks import Example, load_task


class Searches(Protocol):
    """A way to search with a crew: `LeasedSearch` or `SpreadSearch`."""

    @property
    def set_aside(self) -> Sequence[str]:
        """Examples that took one worker after the other down."""

    def run(self, tick: Callable[[], None]) -> None:
        """Search to the end."""

    def stop(self) -> None:
        """Store what workers hold, after an interrupt."""

    def status(self, state: State) -> Status:
        """How far the search is."""


def search_on_cluster(
    config: SearchConfig,
    cluster: ClusterConfig,
    out: Location,
    on_status: Callable[[Status], None],
) -> Status:
    """Search into the run folder `out` with the workers of a cluster, or go on with what is there.

    Raises:
        ClusterError: There is no such cluster, or it cannot do the work.
        PolarSearchError: As `Session.run`.
    """
    make_agent = agent_factory(config)
    examples = select(load_task(config.task, config.task_options), config)
    # Workers run elsewhere.
    folder = RunFolder(place_of(out).absolute())
    with folder.owned(), connected(cluster), tensorboard(cluster.tensorboard) as log:
        metrics = RayMetrics(str(folder.place).rpartition("/")[2])
        observers = (on_status, metrics.update, log, StatusFile(folder).update)
        fleet = Fleet(partial(start_worker, config, cluster, folder.place), cluster.workers)
        crew = Crew(fleet, config, cluster, folder)
        search: Searches
        if scope_of(make_agent) == "dataset" or len(examples) < cluster.workers:
            search = SpreadSearch(crew, examples, make_agent)
        else:
            search = LeasedSearch(crew, [example.id for example in examples])
        try:
            return conduct(search, crew, examples, observers)
        finally:
            fleet.stop()


def start_worker(config: SearchConfig, cluster: ClusterConfig, out: Location) -> Any:  # noqa: ANN401
    """An actor that is a worker of the search."""
    actor = ray.remote(
        num_cpus=cluster.cpus_per_worker,
        num_gpus=cluster.gpus_per_worker,
        max_restarts=0,
        max_task_retries=0,
    )(Worker)
    return actor.remote(config, out, cluster.gpus_per_worker > 0)


def conduct(
    search: Searches,
    crew: Crew,
    examples: Sequence[Example],
    observers: Sequence[Callable[[Status], None]],
) -> Status:
    """Run a search to its end and its confirmation, tell every second, and write the summary.

    Raises:
        AgentError: All agents have failed.
    """
    told = 0.0

    def tell(state: State) -> Status:
        status = search.status(state)
        for observer in observers:
            observer(status)
        return status

    def tick() -> None:
        nonlocal told
        if time.monotonic() - told > TICK_SECONDS:
            told = time.monotonic()
            tell("running")

    try:
        search.run(tick)
        more = _confirmation(crew, examples, tick) if crew.config.confirm else {}
    except KeyboardInterrupt:
        search.stop()
        tell("interrupted")
        raise
    status = tell("finished")
    summary = {**asdict(status.progress), "near_ties": crew.near_ties(), **more}
    summary |= {"set_aside": list(search.set_aside), "worker_deaths": status.deaths}
    crew.folder.write("summary.json", summary)
    if status.progress.failures and not status.progress.examples:
        raise AgentError(status.progress.failures[0].message)
    return status


def _confirmation(
    crew: Crew, examples: Sequence[Example], tick: Callable[[], None]
) -> dict[str, Any]:
    """Run what is valid again, alone, on all workers."""
    store = opened_store(crew, tick)
    at_once = AT_ONCE * len(crew.fleet.members)
    done = confirm(Spread(crew, tick), store, examples, layers_of(crew), at_once)
    return {"confirmation": asdict(done)}
