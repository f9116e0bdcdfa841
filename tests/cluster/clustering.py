"""Agents that harm their workers, and ways to look at runs, for tests of the cluster."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import ray

from polar_search.agents.random import RandomAgent
from polar_search.search.config import SearchConfig
from polar_search.search.store import read_outcomes, read_trace
from polar_search.tasks.bundled import Tracking

CONFIG = SearchConfig(limit=4, max_edits=1, threads=1, agent="random", budget=24, ask_batch=8)
POISON = "tracking-train-1-002"


class Poisonous(RandomAgent):
    """Kills the process that searches one of the examples."""

    def prepare(self, context):
        self._poison = context.example_id == POISON

    def tell(self, outcomes):
        if self._poison:
            os.kill(os.getpid(), signal.SIGKILL)


class Deadly(Tracking):
    """Grading one of the examples kills the process."""

    def grade(self, example, text):
        if example.id == POISON:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().grade(example, text)


class Slow(RandomAgent):
    """Takes its time on a cluster, so that there is time to disturb it."""

    def ask(self, n):
        if ray.is_initialized():
            time.sleep(0.2)
        return super().ask(n)


class KillsOnce(RandomAgent):
    """Kills its worker in the middle of its example, unless somebody did before."""

    def __init__(self, space, seed, folder: str = ""):
        super().__init__(space, seed)
        self._mark = Path(folder)

    def prepare(self, context):
        self._mark /= context.example_id
        self._told = 0

    def tell(self, outcomes):
        self._told += 1
        if self._told == 3 and self._mark.name.endswith("1-002") and not self._mark.exists():
            self._mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def tables(run: Path) -> tuple[list[dict], list[dict]]:
    """All columns of all outcomes and steps of a run, in an order of their own."""
    tables = read_outcomes(run), read_trace(run)
    return tuple(sorted(table.to_pylist(), key=repr) for table in tables)


def rows_stored(run: Path) -> int:
    """Rows of all outcome parts, those that stand there twice counted twice."""
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(part).num_rows for part in (run / "outcomes").glob("*.parquet"))


def searching(run: Path) -> list[str]:
    """Process ids of the workers that search, as the run tells them."""
    try:
        workers = json.loads((run / "progress.json").read_text())["workers"]
    except FileNotFoundError:
        return []
    return [one["place"].rpartition(":")[2] for one in workers if one["doing"] == "searching"]


def alive(process: str) -> bool:
    """Whether a process runs; one that has ended and is still listed has no command line."""
    try:
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())
    except OSError:
        return False


def ray_workers(folder: str) -> list[str]:
    """Process ids of actors of the Ray that keeps its files in `folder`, orphans included.

    Workers write their title over their command line and environment; their open logs remain.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended just now
            if (process / "cmdline").read_bytes().startswith(b"ray::Worker"):
                files = (str(file.readlink()) for file in (process / "fd").iterdir())
                if any(file.startswith(folder) for file in files):
                    found.append(process.name)
    return found
