"""How a search shows its progress: live in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from polar_search.search.driver import Progress
from polar_search.search.status import Status

SECONDS_BETWEEN_LINES = 10.0
WORKERS_SHOWN = 16
"""Rows of the live table at most; the rest is summed up."""


@contextmanager
def shown(console: Console, examples: int, programs: int) -> Iterator[Callable[[Progress], None]]:
    """A callback that shows the progress of a search of `examples`, `programs` in all."""
    if not console.is_terminal:
        lines = _Lines(console)
        yield lambda progress: lines.update(Status("running", progress, examples, programs))
        return
    # The text comes last: it is what a narrow terminal may cut.
    columns = (
        BarColumn(bar_width=10),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(compact=True),
        TextColumn("left, {task.fields[text]}"),
    )
    with Bar(*columns, console=console) as bar:
        task = bar.add_task("search", total=programs, text="starting")

        def update(progress: Progress) -> None:
            bar.update(
                task, completed=progress.programs, text=describe(progress, examples, programs)
            )

        yield update


@contextmanager
def shown_with_workers(console: Console) -> Iterator[Callable[[Status], None]]:
    """A callback that shows the status of a search on a cluster."""
    if not console.is_terminal:
        yield _Lines(console).update
        return
    with Live(console=console, auto_refresh=False) as live:
        yield lambda status: live.update(rendered(status), refresh=True)


class _Lines:
    """Prints a line every ten seconds and at the end, and at once what is new and matters."""

    def __init__(self, console: Console) -> None:
        self._console, self._last = console, time.monotonic()
        self._told: set[str] = set()

    def update(self, status: Status) -> None:
        for line in (*status.troubles, *filter(None, [status.waiting_for])):
            if line not in self._told:
                self._told.add(line)
                self._console.print(line, markup=False, soft_wrap=True)
        done = status.state != "running" or 0 < status.programs <= status.progress.programs
        if done or time.monotonic() - self._last > SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            self._console.print(summary(status), markup=False, soft_wrap=True)


def describe(progress: Progress, examples: int, programs: int) -> str:
    """Examples, programs and outcomes per second, in one line."""
    rate = progress.executed / progress.seconds if progress.seconds else 0.0
    total = f"/{programs:,}" if programs else ""  # known when the model is loaded
    return (
        f"{progress.examples}/{examples} examples, {progress.programs:,}{total} programs, "
        f"{rate:,.0f} outcomes/s"
    )


def summary(status: Status) -> str:
    """A status in one line."""
    parts = [describe(status.progress, status.examples, status.programs)]
    if status.workers:
        searching = sum(worker.doing == "searching" for worker in status.workers)
        parts.append(f"{searching} of {len(status.workers)} workers search")
        parts.append(f"{status.queue} in the queue")
    if status.deaths:
        parts.append(f"{status.deaths} workers replaced")
    if status.seconds_left is not None:
        parts.append(f"{status.seconds_left:.0f} s left")
    return ", ".join(parts)


def rendered(status: Status) -> Group:
    """A status as a table of workers with a line below; just the line where there are none."""
    lines = [summary(status), *filter(None, [status.waiting_for]), *status.troubles]
    texts = [Text(line) for line in lines]
    return Group(_table(status), *texts) if status.workers else Group(*texts)


def _table(status: Status) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("worker")
    table.add_column("doing")
    for name in ("has", "ended", "outcomes/s", "engine"):
        table.add_column(name, justify="right")
    for worker in status.workers[:WORKERS_SHOWN]:
        table.add_row(
            " ".join(filter(None, [worker.name, worker.place])),
            worker.doing,
            f"{worker.examples:,}",
            f"{worker.ended:,}",
            f"{worker.rate:,.0f}",
            f"{worker.engine_share:.0%}",
        )
    if more := status.workers[WORKERS_SHOWN:]:
        rate = sum(worker.rate for worker in more)
        has, ended = (sum(getattr(w, name) for w in more) for name in ("examples", "ended"))
        table.add_row(f"{len(more)} more", "", f"{has:,}", f"{ended:,}", f"{rate:,.0f}", "")
    return table
