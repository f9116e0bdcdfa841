"""A search on a cluster: the driver hands out examples, counts, and replaces workers that die.

It executes nothing and loads no model: ids go out, counters come back, and what was found is in the
run folder, written by the workers. The driver alone owns the folder.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import ray

from polar_search.cluster.config import ClusterConfig
from polar_search.cluster.connection import connected, describe
from polar_search.cluster.fleet import Fleet, Lost, Member
from polar_search.cluster.leases import KILLS, Leases
from polar_search.cluster.metrics import RayMetrics, tensorboard
from polar_search.cluster.versions import check_versions
from polar_search.cluster.worker import Loaded, Report, Worker
from polar_search.errors import AgentError, ClusterError, ConfigError
from polar_search.search.agent import scope_of
from polar_search.search.config import SearchConfig
from polar_search.search.driver import Failure, Progress
from polar_search.search.places import Location, place_of
from polar_search.search.run import RunFolder
from polar_search.search.session import agent_factory, select
from polar_search.search.status import State, Status, StatusFile, WorkerStatus
from polar_search.tasks import load_task

TICK_SECONDS = 1.0
PATIENCE_SECONDS = 10.0
"""After this long without the resources, it is said what is waited for."""
DOING = {
    "describe": "waiting",
    "load": "loading",
    "open": "loading",
    "step": "searching",
    None: "idle",
}
"""What a worker does while it runs a method, in a word."""
GRACE_SECONDS = 10.0
"""Time that workers have to store what they hold, when the search is interrupted."""


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
    if scope_of(agent_factory(config)) == "dataset":
        raise ConfigError(
            f"expected an agent of example scope with --cluster, received '{config.agent}', which "
            "searches all examples as one; leave out --cluster"
        )
    if config.confirm:
        raise ConfigError(
            "expected no --confirm with --cluster, received it; search first, then run the same "
            "command with --confirm true and without --cluster, which goes on with the run"
        )
    examples = [
        example.id for example in select(load_task(config.task, config.task_options), config)
    ]
    # Workers run elsewhere.
    folder = RunFolder(place_of(out).absolute())
    with folder.owned(), connected(cluster), tensorboard(cluster.tensorboard) as log:
        metrics = RayMetrics(str(folder.place).rpartition("/")[2])

        def tell(status: Status) -> None:
            for observer in (on_status, metrics.update, log):
                observer(status)

        make = partial(start_worker, config, cluster, folder.place)
        fleet = Fleet(make, cluster.workers)
        try:
            return ClusterSearch(fleet, config, cluster, folder, examples, tell).run()
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


class ClusterSearch:
    """The driver's side of one search.

    Args:
        fleet: The workers.
        config: The search.
        cluster: What each worker takes.
        folder: The run folder, owned.
        examples: Ids of what is to be searched.
        on_status: Called every second or so, and at the end.
    """

    def __init__(
        self,
        fleet: Fleet,
        config: SearchConfig,
        cluster: ClusterConfig,
        folder: RunFolder,
        examples: list[str],
        on_status: Callable[[Status], None],
    ) -> None:
        self._fleet, self._config, self._cluster = fleet, config, cluster
        self._folder, self._on_status = folder, on_status
        self._file = StatusFile(folder)
        self._leases, self._total = Leases(examples), len(examples)
        self._programs = 0
        self._fixed: dict[str, Any] | None = None
        self._gone: list[Member] = []
        self._troubles, self._failures = list[str](), list[Failure]()
        self._started = time.monotonic()

    def run(self) -> Status:
        """Search until every example has ended or is set aside."""
        told = 0.0
        try:
            while self._leases.unfinished:
                self._round()
                if time.monotonic() - told > TICK_SECONDS:
                    told = time.monotonic()
                    self._tell("running")
        except KeyboardInterrupt:
            self._store_all()
            self._tell("interrupted")
            raise
        status = self._tell("finished")
        near_ties = sum(member.near_ties for member in self._members())
        summary = {**asdict(status.progress), "near_ties": near_ties}
        summary |= {"set_aside": self._leases.set_aside, "worker_deaths": len(self._gone)}
        self._folder.write("summary.json", summary)
        if self._failures and not status.progress.examples:
            raise AgentError(self._failures[0].message)
        return status

    def _members(self) -> list[Member]:
        """The workers there are, and those that were lost."""
        return [*self._gone, *self._fleet.members.values()]

    def _round(self) -> None:
        """Take what workers have brought within a second, and give them more to do."""
        for member, method, result in self._fleet.results(TICK_SECONDS):
            if isinstance(result, Lost):
                self._replace(member, method, result)
            else:
                self._take(member, method, result)
        for member in list(self._fleet.members.values()):
            if member.call is None:
                self._lease(member)

    def _take(self, member: Member, method: str, result: Any) -> None:  # noqa: ANN401
        """What comes after each method of a worker."""
        match method:
            case "describe":
                check_versions(result.host, result.versions)
                member.where = result
                self._fleet.call(member, "load")
            case "load":
                self._begin(result)
                self._fleet.call(member, "open", self._fixed)
            case "step":
                self._count(member, result)

    def _begin(self, loaded: Loaded) -> None:
        """Record the run when the first worker has told what its model is."""
        fixed = json.loads(json.dumps(loaded.fixed))
        if self._fixed is None:
            self._fixed, self._programs = fixed, loaded.programs
            self._folder.begin(fixed, self._config.to_dict())
            self._started = time.monotonic()
        elif fixed != self._fixed:
            differ = [name for name in fixed if fixed[name] != self._fixed.get(name)]
            raise ClusterError(
                f"expected workers that agree on {', '.join(differ)}, received two that do not; "
                "give all nodes the same model and task"
            )

    def _count(self, member: Member, report: Report) -> None:
        member.take(report)
        self._failures += report.failures
        self._leases.done(member.name, (searched.example_id for searched in report.ended))
        self._leases.done(member.name, (failure.example_id for failure in report.failures))

    def _lease(self, member: Member) -> None:
        """Give a worker a share of what is left: as many as it works on, and as it just ended."""
        capacity = self._config.run_budget().examples_in_work + member.ended
        share = -(-self._leases.waiting // (2 * len(self._fleet.members)))
        room = max(0, min(share, capacity - self._leases.held(member.name)))
        examples = self._leases.take(member.name, room)
        if self._leases.held(member.name):
            self._fleet.call(member, "step", examples, self._leases.taken_before(examples))

    def _replace(self, member: Member, method: str, reason: Lost) -> None:
        """Take up again what a lost worker had; set aside what takes down one after the other."""
        node_is_there = self._fleet.replace(member, method, reason)
        self._gone.append(member)
        blame = method == "step" and node_is_there
        for example in self._leases.lost(member.name, blame=blame):
            self._troubles.append(
                f"example {example} is set aside, since {KILLS} workers died of it, the last with: "
                f"{reason}; run the same command again to try it once more"
            )

    def _store_all(self) -> None:
        """Let the workers end their slices, which store what they hold."""
        until = time.monotonic() + GRACE_SECONDS
        while any(m.call == "step" for m in self._fleet.members.values()):
            left = until - time.monotonic()
            if left <= 0:
                return
            for member, method, result in self._fleet.results(left):
                if method == "step" and not isinstance(result, Lost):
                    self._count(member, result)

    def _tell(self, state: State) -> Status:
        status = self.status(state)
        self._on_status(status)
        self._file.update(status)
        return status

    def status(self, state: State) -> Status:
        """How far the search is."""
        return Status(
            state,
            self._progress(),
            examples=self._total,
            programs=self._programs,
            queue=self._leases.waiting,
            workers=[self._worker_status(m) for m in self._fleet.members.values()],
            deaths=len(self._gone),
            troubles=self._troubles,
            waiting_for=self._waiting_for(),
        )

    def _progress(self) -> Progress:
        """The sum over all workers; of lost ones, what counts is what they ended and executed."""
        seconds = time.monotonic() - self._started
        progress = Progress(seconds=seconds, failures=self._failures)
        for member in self._members():
            own, here = member.progress, member.name in self._fleet.members
            progress.examples += own.examples
            progress.programs += own.programs if here else member.programs
            progress.valid += own.valid if here else member.valid
            progress.executed += own.executed
            progress.engine_seconds += own.engine_seconds
            progress.agent_seconds += own.agent_seconds
        progress.reused = max(0, progress.programs - progress.executed)
        return progress

    def _worker_status(self, member: Member) -> WorkerStatus:
        own, place = member.progress, member.where
        seconds = max(own.seconds, 1e-9)
        return WorkerStatus(
            name=member.name,
            place=f"{place.host}:{place.pid}" if place else "",
            doing=DOING[member.call],
            examples=self._leases.held(member.name),
            ended=own.examples,
            rate=own.executed / seconds,
            engine_share=own.engine_seconds / seconds,
        )

    def _waiting_for(self) -> str | None:
        """What workers that are not there yet wait for, when that takes long."""
        missing = [m for m in self._fleet.members.values() if m.call == "describe"]
        if not missing or time.monotonic() - missing[0].since < PATIENCE_SECONDS:
            return None
        free = ray.available_resources()  # type: ignore[no-untyped-call]
        wanted = self._cluster.resources()
        return (
            f"{len(missing)} of {self._cluster.workers} workers wait for {describe(wanted)} each; "
            f"free in the cluster: {describe({name: free.get(name, 0.0) for name in wanted})}"
        )
