"""The installed command, and an agent and ways to look at runs for tests of it."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

from polar_search.agents.random import RandomAgent
from polar_search.search.store import read_outcomes, read_trace
from polar_search.tasks import Example, Task, Verdict
from polar_search.tasks.bundled import Tracking

COMMAND = str(Path(sys.executable).with_name("polar-search"))


class Optional(RandomAgent):
    """Random search with options of every type."""

    def __init__(self, space, seed, c: float = 1.0, name: str = "x", fast: bool = False):
        super().__init__(space, seed)


class OptionalTask(Tracking):
    """The bundled task with an option."""

    def __init__(self, turns: int = 1):
        super().__init__()


class Failing(RandomAgent):
    """Has a mistake."""

    def ask(self, n):
        return 1 / 0


class Choosing(Task):
    """One example whose answer is chosen."""

    name = "choosing"

    def examples(self, split):
        return [Example("one", 1, "A or B?", "A")]

    def choices(self, example):
        return (" A", " B")

    def grade(self, example, text):
        return Verdict(text.strip() == example.answer, text)


def start(*arguments: str, **options) -> subprocess.Popen[str]:
    """The command, running, and open to Ctrl-C: shells start background jobs deaf to it."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    heed = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen([COMMAND, *arguments], preexec_fn=heed, **{**pipes, **options})


def tables(run: Path) -> tuple[list[dict], list[dict]]:
    """All columns of all outcomes and steps of a run, in an order of their own."""
    tables = read_outcomes(run), read_trace(run)
    return tuple(sorted(table.to_pylist(), key=repr) for table in tables)
