"""Several threads, each with rows of its own: how a call uses the cores of a CPU.

Threads inside one operation wait for each other some thousand times a call, and everything between
the operations runs on one core. A team is a part of the rows with a share of the memory and one
thread: teams meet once, at the end. Which rows form a team depends on the rows alone, so that a
call repeats itself in half precision too.
"""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from polar_search.execution.admission import Job
    from polar_search.execution.runner import Runner

TEAM_ROWS = 64
"""Rows that make a team worth having: with fewer, weights are read too often for too few tokens."""

SPACIOUS = 4
"""How many of the largest row a team's memory must hold at least."""


def assemble_teams(jobs: Sequence[Job], most: int) -> list[list[Job]]:
    """Jobs in at most ``most`` teams of about equal work; the rows of a prompt stay together."""
    count = max(1, min(most, len(jobs) // TEAM_ROWS))
    if count == 1:
        return [list(jobs)]
    ordered = sorted(jobs, key=lambda job: (-len(job.ids), job.ids))
    teams: list[list[Job]] = [[] for _ in range(count)]
    loads = [0] * count
    for ids, rows in groupby(ordered, key=lambda job: job.ids):
        lightest = loads.index(min(loads))
        members = list(rows)
        teams[lightest] += members
        loads[lightest] += len(ids) * sum(len(job.path) for job in members)
    return [team for team in teams if team]


def run_side_by_side(runners: Sequence[Runner], teams: Sequence[Sequence[Job]]) -> None:
    """Let every runner generate its team; the first error, or an interrupt, ends them all."""
    if len(teams) == 1:
        runners[0].run(teams[0])
        return

    def run(runner: Runner, team: Sequence[Job]) -> None:
        torch.set_num_threads(1)
        with torch.no_grad():
            runner.run(team)

    with restored_threads(), ThreadPoolExecutor(len(teams)) as threads:
        futures = [threads.submit(run, r, t) for r, t in zip(runners, teams, strict=True)]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            for runner, future in zip(runners, futures, strict=True):
                runner.stopped = not future.done()
        for future in futures:
            future.result()


@contextmanager
def restored_threads() -> Iterator[None]:
    """Threads of the library as they were: setting them in one thread sets them for new ones."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)
