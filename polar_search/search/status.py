"""How far a run is, as a file in its folder: for another shell, and for the screen.

The file is small and written anew every few seconds; nothing else depends on it.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal

from polar_search.errors import RunError
from polar_search.search.driver import Failure, Progress
from polar_search.search.places import Location
from polar_search.search.run import RunFolder, open_run

FILE = "progress.json"
SECONDS_BETWEEN_WRITES = 2.0

State = Literal["running", "finished", "interrupted"]


@dataclass(frozen=True)
class WorkerStatus:
    """One worker.

    Attributes:
        name: Its number.
        place: Host and process, once they are known.
        doing: In a word or two.
        examples: Examples that it has.
        ended: Examples that it has brought to their end.
        rate: Outcomes executed per second since it began to search.
        engine_share: Part of its time spent in executing and grading, 0 to 1.
    """

    name: str
    place: str
    doing: str
    examples: int
    ended: int
    rate: float
    engine_share: float


@dataclass(frozen=True)
class Status:
    """A run at a moment.

    Attributes:
        state: running, finished or interrupted.
        progress: What was done in this run of the command.
        examples: To be searched in all.
        programs: To be asked in all, if no agent stops early; 0 before that is known.
        queue: Examples that no worker has yet.
        workers: None of them in a run without a cluster.
        deaths: Workers that died and were replaced.
        troubles: Lines about what went wrong.
        waiting_for: What the run waits for before it can begin, or goes on with less.
        updated: When, in UTC.
    """

    state: State
    progress: Progress
    examples: int
    programs: int
    queue: int = 0
    workers: list[WorkerStatus] = field(default_factory=list)
    deaths: int = 0
    troubles: list[str] = field(default_factory=list)
    waiting_for: str | None = None
    updated: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def rate(self) -> float:
        """Outcomes executed per second."""
        return self.progress.executed / self.progress.seconds if self.progress.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """At the rate so far; None before there is one. Agents may be done before their budget."""
        if not (self.progress.programs and self.programs):
            return None
        if self.state == "finished":
            return 0.0
        part = self.progress.programs / self.programs
        return max(0.0, self.progress.seconds * (1 / part - 1))


class StatusFile:
    """Keeps the status of a run in its folder, written every few seconds.

    Args:
        folder: The run folder.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder, self._written = folder, float("-inf")

    def update(self, status: Status) -> None:
        """Write `status`, unless one was written a moment ago and the run goes on."""
        due = time.monotonic() - self._written > SECONDS_BETWEEN_WRITES
        if due or status.state != "running":
            self._written = time.monotonic()
            self._folder.write(FILE, asdict(status))


def read_status(path: Location) -> Status:
    """The last status of the run in `path`.

    Raises:
        RunError: The folder holds no run, or one that has told nothing yet.
    """
    values = open_run(path).read(FILE)
    if values is None:
        raise RunError(
            f"expected a run that tells its progress, received '{path}', which has no {FILE}; "
            "wait until it has begun"
        )
    return _status(values, path)


def _status(values: dict[str, Any], path: Location) -> Status:
    known = {f.name for f in fields(Status)}
    try:
        given = {name: value for name, value in values.items() if name in known}
        failures = [Failure(**failure) for failure in given["progress"].pop("failures")]
        given["progress"] = Progress(**given["progress"], failures=failures)
        given["workers"] = [WorkerStatus(**worker) for worker in given["workers"]]
        return Status(**given)
    except (AttributeError, KeyError, TypeError) as error:
        raise RunError(
            f"expected the progress of a run, received '{path}/{FILE}', which this version cannot "
            f"read ({error}); delete it"
        ) from error
