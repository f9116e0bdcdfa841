"""The workers of a search: Ray actors, started, watched and replaced when they die."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError

from polar_search.cluster.connection import alive_nodes
from polar_search.cluster.worker import Description, Report
from polar_search.errors import ClusterError, PolarSearchError, one_line
from polar_search.search.driver import Progress

STARTS = 3
"""Workers that may die in a row before any of them has searched."""


STARTING = ("describe", "load", "open")
"""The methods that get a worker ready, in their order; all others are work."""


class Lost(Exception):  # noqa: N818
    """A worker is gone; the message says why.

    Attributes:
        blame: Whether its work may be the reason: not while it starts, nor with its whole node.
    """

    blame = False


@dataclass
class Member:
    """One worker as the driver sees it.

    Attributes:
        name: Its number; a replacement has a number of its own.
        actor: The actor's handle.
        call: The method that it is running, None when it is idle.
        where: Host, node and process, once it has told them.
        progress: Counters since it began.
        programs: Of the examples that it has ended; the rest of `progress.programs` is in work.
        valid: Likewise.
        ended: Examples that it ended in its last slice.
        has: Examples that it works on.
    """

    name: str
    actor: Any
    call: str | None = None
    where: Description | None = None
    progress: Progress = field(default_factory=Progress)
    programs: int = 0
    valid: int = 0
    ended: int = 0
    has: int = 0
    near_ties: int = 0
    since: float = field(default_factory=time.monotonic)

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.since

    def take(self, report: Report) -> None:
        """Remember what the worker reports of a slice."""
        self.progress, self.near_ties = report.progress, report.near_ties
        self.ended = len(report.ended)
        self.programs += sum(example.programs for example in report.ended)
        self.valid += sum(example.valid for example in report.ended)


class Fleet:
    """Keeps a number of workers running, and gives the results of their calls.

    Args:
        make: Starts one actor.
        size: How many there should be.
    """

    def __init__(self, make: Callable[[], Any], size: int) -> None:
        self._make, self._started, self._failed_starts = make, 0, 0
        self._calls: dict[Any, Member] = {}
        self.members: dict[str, Member] = {}
        for _ in range(size):
            self.add()

    def add(self) -> None:
        """Start a worker; it is here when there is room for it."""
        member = Member(str(self._started), self._make())
        self._started += 1
        self.members[member.name] = member
        self.call(member, "describe")

    def call(self, member: Member, method: str, *arguments: object) -> None:
        """Let a worker run a method; `results` gives what comes out."""
        member.call = method
        self._calls[getattr(member.actor, method).remote(*arguments)] = member

    def results(self, seconds: float) -> list[tuple[Member, str, Any]]:
        """Workers, methods and results of the calls that end within `seconds`.

        The result is an instance of `Lost` where a worker died.

        Raises:
            PolarSearchError: A worker met a mistake that is not the worker's.
        """
        references = list(self._calls)
        ready, _ = ray.wait(references, timeout=seconds)
        if ready:
            ready, _ = ray.wait(references, num_returns=len(references), timeout=0)
        return [self._result(reference) for reference in ready]

    def _result(self, reference: Any) -> tuple[Member, str, Any]:  # noqa: ANN401
        member = self._calls.pop(reference)
        method, member.call = str(member.call), None
        try:
            return member, method, ray.get(reference)
        except RayActorError as error:
            return member, method, Lost(one_line(error))
        except RayTaskError as error:
            cause = error.cause
            if isinstance(cause, PolarSearchError):
                raise cause from None
            if isinstance(cause, MemoryError) or type(cause).__name__ == "OutOfMemoryError":
                ray.kill(member.actor)
                return member, method, Lost(one_line(cause))
            raise ClusterError(
                f"expected no error from a worker, received {one_line(cause)}; {self._log(member)}"
            ) from error
        except RayError as error:
            raise ClusterError(
                f"expected a worker to start, received {one_line(error)}; see the log of its node"
            ) from error

    def _log(self, member: Member) -> str:
        place = member.where
        return f"see worker-*-{place.pid}.err in Ray's log folder on {place.host}" if place else ""

    def replace(self, member: Member, method: str, reason: Lost) -> None:
        """Start another worker for one that is lost, and tell whether its work is to blame.

        Raises:
            ClusterError: Workers die one after the other before they have done anything.
        """
        del self.members[member.name]
        working = method not in STARTING
        self._failed_starts = 0 if working else self._failed_starts + 1
        if self._failed_starts >= STARTS * (len(self.members) + 1):
            raise ClusterError(
                f"expected workers that live, received {self._failed_starts} deaths in a row "
                f"before any work was done, the last: {reason}; see the log of its node"
            )
        self.add()
        place = member.where
        node_is_there = any(place and node["NodeID"] == place.node for node in alive_nodes())
        reason.blame = working and node_is_there

    def stop(self) -> None:
        """End all workers."""
        for member in self.members.values():
            ray.kill(member.actor)
