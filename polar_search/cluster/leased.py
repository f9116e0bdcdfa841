"""A search by leases: each worker searches examples of its own, and stores what it finds.

The driver executes nothing: ids go out, and counters come back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from polar_search.cluster.crew import Crew
from polar_search.cluster.fleet import Lost, Member
from polar_search.cluster.leases import KILLS, Leases
from polar_search.cluster.worker import Report
from polar_search.search.driver import Failure, Progress
from polar_search.search.status import State, Status

GRACE_SECONDS = 10.0
"""Time that workers have to store what they hold, when the search is interrupted."""


class LeasedSearch:
    """The driver's side of a search of many examples.

    Args:
        crew: The workers.
        examples: Ids of what is to be searched.

    Attributes:
        set_aside: Examples that took one worker after the other down.
    """

    def __init__(self, crew: Crew, examples: Sequence[str]) -> None:
        self._crew = crew
        self._leases, self._total = Leases(examples), len(examples)
        self._troubles, self._failures = list[str](), list[Failure]()
        self._started: float | None = None

    def run(self, tick: Callable[[], None]) -> None:
        """Search until every example has ended or is set aside; `tick` is called all the while."""
        while self._leases.unfinished:
            for member, result in self._crew.results():
                if isinstance(result, Lost):
                    self._take_back(member, result)
                else:
                    self._count(member, result)
            for member in self._crew.idle():
                self._lease(member)
            if self._started is None and self._crew.loaded:
                self._started = time.monotonic()
            tick()

    def stop(self) -> None:
        """Let the workers end their slices, which store what they hold."""
        fleet, until = self._crew.fleet, time.monotonic() + GRACE_SECONDS
        while any(member.call == "step" for member in fleet.members.values()):
            left = until - time.monotonic()
            if left <= 0:
                return
            for member, _, result in fleet.results(left):
                if isinstance(result, Report):
                    self._count(member, result)

    def _count(self, member: Member, report: Report) -> None:
        member.take(report)
        self._failures += report.failures
        self._leases.done(member.name, (searched.example_id for searched in report.ended))
        self._leases.done(member.name, (failure.example_id for failure in report.failures))
        member.has = self._leases.held(member.name)

    def _lease(self, member: Member) -> None:
        """Give a worker a share of what is left: as many as it works on, and as it just ended."""
        capacity = self._crew.config.run_budget().examples_in_work + member.ended
        share = -(-self._leases.waiting // (2 * len(self._crew.fleet.members)))
        room = max(0, min(share, capacity - self._leases.held(member.name)))
        examples = self._leases.take(member.name, room)
        member.has = self._leases.held(member.name)
        if member.has:
            self._crew.fleet.call(member, "step", examples, self._leases.taken_before(examples))

    def _take_back(self, member: Member, reason: Lost) -> None:
        """Take up again what a lost worker had; set aside what takes down one after the other."""
        for example in self._leases.lost(member.name, blame=reason.blame):
            self._troubles.append(
                f"example {example} is set aside, since {KILLS} workers died of it, the last with: "
                f"{reason}; run the same command again to try it once more"
            )

    @property
    def set_aside(self) -> list[str]:
        """See the class."""
        return self._leases.set_aside

    def status(self, state: State) -> Status:
        """How far the search is."""
        loaded = self._crew.loaded
        return Status(
            state,
            self._progress(),
            examples=self._total,
            programs=loaded.programs if loaded else 0,
            queue=self._leases.waiting,
            workers=self._crew.workers(),
            deaths=len(self._crew.gone),
            troubles=self._troubles,
            waiting_for=self._crew.waiting_for(),
        )

    def _progress(self) -> Progress:
        """The sum over all workers; of lost ones, what counts is what they ended and executed."""
        started = self._started
        seconds = time.monotonic() - started if started else 0.0
        progress = Progress(seconds=seconds, failures=self._failures)
        for member in self._crew.all():
            own, here = member.progress, member.name in self._crew.fleet.members
            progress.examples += own.examples
            progress.programs += own.programs if here else member.programs
            progress.valid += own.valid if here else member.valid
            progress.executed += own.executed
            progress.engine_seconds += own.engine_seconds
            progress.agent_seconds += own.agent_seconds
        progress.reused = max(0, progress.programs - progress.executed)
        return progress
