"""How a search shows its progress: a live bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from polar_search.search.driver import Progress

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def shown(console: Console, examples: int, programs: int) -> Iterator[Callable[[Progress], None]]:
    """A callback that shows the progress of a search of `examples`, `programs` in all."""
    if not console.is_terminal:
        yield _lines(console, examples, programs)
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


def _lines(console: Console, examples: int, programs: int) -> Callable[[Progress], None]:
    last = time.monotonic()

    def update(progress: Progress) -> None:
        nonlocal last
        done = progress.programs >= programs
        if done or time.monotonic() - last > SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            left = progress.seconds * (programs / max(1, progress.programs) - 1)
            console.print(f"{describe(progress, examples, programs)}, {left:.0f} s left")

    return update


def describe(progress: Progress, examples: int, programs: int) -> str:
    """Examples, programs and outcomes per second, in one line."""
    rate = progress.executed / progress.seconds if progress.seconds else 0.0
    return (
        f"{progress.examples}/{examples} examples, {progress.programs:,}/{programs:,} programs, "
        f"{rate:,.0f} outcomes/s"
    )
