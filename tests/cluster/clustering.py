"""Agents that harm their workers, and ways to look at runs, for tests of the cluster."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from polar_search.agents.random import RandomAgent
from polar_search.search.config import SearchConfig
from polar_search.search.store import read_outcomes, read_trace

CONFIG = SearchConfig(limit=4, max_edits=1, threads=1, agent="random", budget=24, ask_batch=8)
POISON = "tracking-train-1-002"


class Poisonous(RandomAgent):
    """Kills the process that searches one of the examples."""

    def prepare(self, context):
        self._poison = context.example_id == POISON

    def tell(self, outcomes):
        if self._poison:
            os.kill(os.getpid(), signal.SIGKILL)


class Slow(RandomAgent):
    """Takes its time, so that there is time to disturb it."""

    def ask(self, n):
        time.sleep(0.05)
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
