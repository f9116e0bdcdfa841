"""What the cluster costs and stands: `python experiments/bench/cluster.py PART`.

- `speed`: two workers against one; the driver's CPU time and bytes per outcome
- `driver`: workers that only report, as quick as a GPU is meant to be: what a driver can feed
- `recovery`: a worker killed every so many seconds, against the same search undisturbed

Prints a table; `--json FILE` keeps all of it. The machine should do nothing else.
"""

# ruff: noqa: ANN401 (handles of actors have no type)

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pickle
import random
import signal
import statistics
import tempfile
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pyarrow.parquet as pq
import ray
from rich.console import Console
from rich.table import Table

from polar_search.cluster.config import ClusterConfig
from polar_search.cluster.crew import Crew
from polar_search.cluster.fleet import Fleet
from polar_search.cluster.leased import LeasedSearch
from polar_search.cluster.search import conduct, search_on_cluster
from polar_search.cluster.versions import reader
from polar_search.cluster.worker import SLICE_SECONDS, Description, Loaded, Report
from polar_search.search.config import SearchConfig
from polar_search.search.driver import Progress, Searched
from polar_search.search.run import RunFolder
from polar_search.search.status import Status, StatusFile
from polar_search.search.store import read_outcomes

CONFIG = SearchConfig(max_edits=2, agent="random", threads=1)
ON_TWO = ClusterConfig("local", 2)
AIMS = {
    "two_to_one": "at least 1.8",
    "driver_cpu_microseconds_per_outcome": "at most 20",
    "driver_bytes_per_outcome": "at most 200",
    "workers_that_one_core_feeds": "at least 1,000",
    "unexplained_share": "at most 0.1",
    "stored_twice": "0",
    "set_aside": "0",
    "same_outcomes": "True",
}


class Observer:
    """Samples a search while every worker has brought something and some examples still wait."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self.samples: list[tuple[float, float, int]] = []
        self.missing = 0.0
        self.latest: Status | None = None
        self._last = time.monotonic()

    def __call__(self, status: Status) -> None:
        """Take a sample."""
        now, busy = time.monotonic(), sum(w.doing == "searching" for w in status.workers)
        if status.progress.executed and status.queue:
            self.missing += (now - self._last) * (self._workers - busy)
        self._last, self.latest = now, status
        if status.queue and all(worker.ended for worker in status.workers):
            self.samples.append((now, time.process_time(), status.progress.executed))

    def per(self, what: str) -> float:
        """Outcomes per second, or CPU seconds of the driver per outcome."""
        (first, cpu_first, before), (last, cpu_last, after) = self.samples[0], self.samples[-1]
        if what == "second":
            return (after - before) / (last - first)
        return (cpu_last - cpu_first) / (after - before)


@contextmanager
def counted_bytes() -> Iterator[list[int]]:
    """Sizes of all arguments and results that pass through the driver, pickled as Ray does."""
    sizes: list[int] = []
    call, result = Fleet.call, Fleet._result

    def counted_call(self: Fleet, member: Any, method: str, *arguments: object) -> None:
        sizes.append(len(pickle.dumps(arguments, protocol=5)))
        call(self, member, method, *arguments)

    def counted_result(self: Fleet, reference: Any) -> Any:
        values = result(self, reference)
        sizes.append(len(pickle.dumps(values[2], protocol=5)))
        return values

    Fleet.call, Fleet._result = counted_call, counted_result  # type: ignore[method-assign]
    try:
        yield sizes
    finally:
        Fleet.call, Fleet._result = call, result  # type: ignore[method-assign]


def speed(options: argparse.Namespace) -> dict[str, Any]:
    """Two workers of one thread against one, in turns."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    cpu, volume, executed = [], [], 0
    config = replace(CONFIG, limit=options.limit, budget=options.budget)
    for _ in range(options.repetitions):
        for workers in rates:
            with tempfile.TemporaryDirectory() as out, counted_bytes() as sizes:
                observer, cluster = Observer(workers), ClusterConfig("local", workers)
                status = search_on_cluster(config, cluster, Path(out), observer)
            rates[workers].append(observer.per("second"))
            cpu.append(1e6 * observer.per("outcome"))
            executed = status.progress.executed
            volume.append(sum(sizes) / executed)
    return {
        "outcomes": executed,
        "outcomes_per_second": rates,
        "two_to_one": statistics.median(rates[2]) / statistics.median(rates[1]),
        "driver_cpu_microseconds_per_outcome": cpu,
        "driver_bytes_per_outcome": volume,
    }


class Host:
    """Many workers without an engine in one process; each ends examples at a given rate."""

    def __init__(self, rate: float, outcomes: int) -> None:
        self._rate, self._outcomes = rate, outcomes
        self._held: dict[str, deque[str]] = defaultdict(deque)
        self._progress: dict[str, Progress] = defaultdict(Progress)

    async def describe(self, name: str) -> Description:
        """Anything that the driver believes."""
        node = ray.get_runtime_context().get_node_id()
        return Description(name, node, os.getpid(), reader()())

    async def load(self, name: str) -> Loaded:  # noqa: ARG002
        """No model."""
        return Loaded({"num_layers": 0}, 0, "")

    async def open(self, name: str, fixed: dict[str, Any]) -> None:
        """No folder."""

    async def step(self, name: str, examples: list[str], reread: bool) -> Report:  # noqa: ARG002
        """Take a slice's time, and end as many examples as `rate` allows."""
        held, progress = self._held[name], self._progress[name]
        held.extend(examples)
        await asyncio.sleep(SLICE_SECONDS)
        count = min(len(held), round(self._rate * SLICE_SECONDS / self._outcomes))
        ended = [Searched(held.popleft(), self._outcomes, 1) for _ in range(count)]
        progress.examples += count
        progress.programs += count * self._outcomes
        progress.executed += count * self._outcomes
        progress.seconds += SLICE_SECONDS
        return Report(ended, [], replace(progress), 0)


class Method:
    """One method of one worker of a host, called like an actor's."""

    def __init__(self, host: Any, method: str, name: str) -> None:
        self._method, self._name = getattr(host, method), name

    def remote(self, *arguments: Any) -> Any:
        """Start the call."""
        return self._method.remote(self._name, *arguments)


class Pretended:
    """One worker of a host, in the place of an actor's handle."""

    def __init__(self, host: Any, name: str) -> None:
        for method in ("describe", "load", "open", "step"):
            setattr(self, method, Method(host, method, name))


class PretendedFleet(Fleet):
    """A fleet that has no actors of its own to end."""

    def stop(self) -> None:
        """Nothing to do: the hosts end with Ray."""


def driver(options: argparse.Namespace) -> dict[str, Any]:
    """The driver's CPU time with many workers, and what they reach of what they could."""
    ray.init(address="local", num_cpus=options.hosts, include_dashboard=False, log_to_driver=False)
    outcomes, workers = options.budget + 1, options.workers
    make_host = ray.remote(num_cpus=1, max_concurrency=workers)(Host)
    hosts = [make_host.remote(options.rate, outcomes) for _ in range(options.hosts)]
    names = iter(range(workers))

    def make() -> Pretended:
        number = next(names)
        return Pretended(hosts[number % len(hosts)], str(number))

    count = round(workers * options.rate * options.seconds / outcomes)
    observer = Observer(workers)
    with tempfile.TemporaryDirectory() as out, counted_bytes() as sizes:
        folder = RunFolder(Path(out))
        examples = [f"example-{number:07d}" for number in range(count)]
        fleet = PretendedFleet(make, workers)
        crew = Crew(fleet, CONFIG, ClusterConfig("local", workers), folder)
        conduct(LeasedSearch(crew, examples), crew, [], [observer, StatusFile(folder).update])
    ray.shutdown()
    seconds_per_outcome = observer.per("outcome")
    return {
        "workers": workers,
        "outcomes_per_second_of_each": options.rate,
        "reached": observer.per("second") / (workers * options.rate),
        "driver_cpu_microseconds_per_outcome": 1e6 * seconds_per_outcome,
        "driver_bytes_per_outcome": sum(sizes) / (count * outcomes),
        "driver_cpu_share": seconds_per_outcome * observer.per("second"),
        "workers_that_one_core_feeds": 1 / (seconds_per_outcome * options.rate),
    }


def kill_now_and_then(observer: Observer, every: float, stop: threading.Event) -> int:
    """Kill a worker that searches, again and again; how many that were."""
    rng, kills = random.Random(0), 0
    while not stop.wait(every):
        workers = observer.latest.workers if observer.latest else []
        searching = [w.place for w in workers if w.doing == "searching"]
        if searching:
            os.kill(int(rng.choice(searching).rpartition(":")[2]), signal.SIGKILL)
            kills += 1
    return kills


def recovery(options: argparse.Namespace) -> dict[str, Any]:
    """The same search undisturbed and with kills: time, doubles, tables."""
    config = replace(CONFIG, limit=options.limit, budget=options.budget)
    measured: dict[str, Any] = {}
    tables = []
    for name, every in (("undisturbed", None), ("disturbed", options.every)):
        observer, stop, kills = Observer(2), threading.Event(), [0]

        def killing(watched=observer, event=stop, count=kills, pause=every) -> None:  # noqa: ANN001
            count[0] = kill_now_and_then(watched, pause, event)

        killer = threading.Thread(target=killing, daemon=True)
        with tempfile.TemporaryDirectory() as out:
            if every:
                killer.start()
            status = search_on_cluster(config, ON_TWO, Path(out), observer)
            stop.set()
            if every:
                killer.join()
            rows = sum(pq.read_metadata(p).num_rows for p in Path(out).glob("outcomes/*.parquet"))
            table = read_outcomes(Path(out))
        tables.append(sorted(map(str, table.to_pylist())))
        measured[name] = {
            "seconds": status.progress.seconds,
            "kills": kills[0],
            "deaths": status.deaths,
            "worker_seconds_without_work": observer.missing,
            "outcomes": len(table),
            "stored_twice": rows - len(table),
            "set_aside": len(status.troubles),
        }
    plain, hurt = measured["undisturbed"], measured["disturbed"]
    explained = hurt["worker_seconds_without_work"] - plain["worker_seconds_without_work"]
    explained = (explained + SLICE_SECONDS * hurt["kills"]) / 2
    return {
        **measured,
        "same_outcomes": tables[0] == tables[1],
        "seconds_explained_by_restarts_and_slices": explained,
        "unexplained_share": (hurt["seconds"] - plain["seconds"] - explained) / plain["seconds"],
    }


def rows(measured: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Name, value and aim of all that was measured."""
    for name, value in measured.items():
        if isinstance(value, dict):
            yield from rows(value, f"{prefix}{name} ")
        else:
            several = value if isinstance(value, list) else [value]
            words = " / ".join(f"{v:,.4g}" if isinstance(v, float) else str(v) for v in several)
            yield f"{prefix}{name}".replace("_", " "), words, AIMS.get(name, "")


def main() -> None:
    """Run one part and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("part", choices=["speed", "driver", "recovery"])
    parser.add_argument("--limit", type=int, help="examples of each level; 15, of `recovery` 75")
    parser.add_argument("--budget", type=int, default=199, help="programs an example")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1000, help="of `driver`")
    parser.add_argument("--hosts", type=int, default=4, help="processes of `driver`")
    parser.add_argument("--rate", type=float, default=1000.0, help="outcomes/s of each worker")
    parser.add_argument("--seconds", type=float, default=60.0, help="of `driver`")
    parser.add_argument("--every", type=float, default=30.0, help="seconds between kills")
    parser.add_argument("--json", type=Path, help="file for all that was measured")
    options = parser.parse_args()
    options.limit = options.limit or (75 if options.part == "recovery" else 15)
    parts = {"speed": speed, "driver": driver, "recovery": recovery}
    measured = parts[options.part](options)
    if options.json:
        options.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    table = Table("measured", "value", "aim", title=options.part, title_justify="left")
    for row in rows(measured):
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
