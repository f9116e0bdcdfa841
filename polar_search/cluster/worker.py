"""A worker: a driver of its own over the examples that are leased to it, in slices of seconds.

Agents, engine and store live here. Only ids and counters leave it, and an example is reported as
ended when everything about it is stored. Where the agent lives with the driver instead, because it
searches all examples as one, a worker only evaluates (`evaluate`), and stores nothing.
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import ray

from polar_search.cluster.versions import reader
from polar_search.errors import RunError
from polar_search.program import Program
from polar_search.search.config import SearchConfig
from polar_search.search.driver import Driver, Failure, Progress, Searched
from polar_search.search.evaluation import Job
from polar_search.search.places import Location
from polar_search.search.run import RunFolder
from polar_search.search.session import Session
from polar_search.search.store import Store
from polar_search.tasks import Example

SLICE_SECONDS = 2.0
"""A worker searches this long, stores, and reports; no more than this is ever lost."""


@dataclass(frozen=True)
class Description:
    """Where a worker is, and the versions it runs with."""

    host: str
    node: str
    pid: int
    versions: dict[str, str | None]


@dataclass(frozen=True)
class Loaded:
    """What only a worker knows, since the driver loads no model.

    Attributes:
        fixed: What a run folder must record, fingerprints among them.
        programs: To be asked in all, if no agent stops early.
        agent: The agent's fingerprint.
    """

    fixed: dict[str, Any]
    programs: int
    agent: str


@dataclass(frozen=True)
class Report:
    """Examples that ended or failed in a slice of a worker, and counters since it began."""

    ended: list[Searched]
    failures: list[Failure]
    progress: Progress
    near_ties: int


@dataclass(frozen=True)
class Evaluated:
    """What came out of a part of an evaluation, and counters since the worker began."""

    value: Any
    progress: Progress
    near_ties: int


class Leased(Iterator[Example]):
    """Examples as they are leased. It ends when there are none, and goes on when there are more."""

    def __init__(self) -> None:
        self._waiting = deque[Example]()

    def extend(self, examples: Iterable[Example]) -> None:
        """Put more examples in line."""
        self._waiting.extend(examples)

    def __len__(self) -> int:
        return len(self._waiting)

    def __next__(self) -> Example:
        if not self._waiting:
            raise StopIteration
        return self._waiting.popleft()


class Worker:
    """One Ray actor's work: `describe`, `load`, `open`, then one `step` (or `evaluate`) a time.

    Args:
        config: The search.
        out: The run folder, the same on every node.
        on_gpu: Whether the worker was given a GPU.
    """

    def __init__(self, config: SearchConfig, out: Location, on_gpu: bool) -> None:
        self._config, self._out, self._on_gpu = config, out, on_gpu
        self._leased = Leased()
        self._evaluated, self._began = Progress(), 0.0

    def describe(self) -> Description:
        """Tell who this is, before anything heavy is loaded."""
        node = ray.get_runtime_context().get_node_id()
        return Description(socket.gethostname(), node, os.getpid(), reader()())

    def load(self) -> Loaded:
        """Load the model, and tell what a run folder must record of it."""
        config = self._config
        if config.device == "auto" and not self._on_gpu:
            config = replace(config, device="cpu")
        self._session = Session.load(config)
        self._session.check_agent(config.space(self._session.engine.num_layers))
        fixed = {**self._session.fixed(), "device": self._config.device}
        self._examples = {example.id: example for example in self._session.examples}
        return Loaded(fixed, self._session.total(), self._session.agent_fingerprint())

    def open(self, fixed: dict[str, Any]) -> None:
        """See that this is the run that the driver has begun.

        Raises:
            RunError: This node sees another folder, or this worker another model, than the driver.
        """
        if RunFolder(self._out).fixed() != fixed:
            raise RunError(
                f"expected to see the run folder '{self._out}' on every node, received another or "
                f"none on {socket.gethostname()}; choose one with --out that all nodes share"
            )

    @cached_property
    def _store(self) -> Store:
        session = self._session
        return Store(self._out, session.fingerprints(), session.agent_fingerprint())

    @cached_property
    def _driver(self) -> Driver:
        session = self._session
        return Driver(
            session.evaluator,
            self._store,
            self._config.space(session.engine.num_layers),
            session.make_agent,
            self._config.run_budget(),
            self._config.seed,
            on_agent_error=self._config.on_agent_error,
        )

    @cached_property
    def _rounds(self) -> Iterator[list[Searched]]:
        return self._driver.rounds(self._leased)

    def step(self, examples: list[str], reread: bool) -> Report:
        """Search for `SLICE_SECONDS`, or until nothing is left; store; report.

        Args:
            examples: Ids of examples that are leased in addition to those still in work.
            reread: Look up what other workers have stored since this one opened the run.
        """
        if reread:
            self._store.reread()
        self._leased.extend(self._examples[id_] for id_ in examples)
        ended, until = list[Searched](), time.monotonic() + SLICE_SECONDS
        while time.monotonic() < until:
            finished = next(self._rounds, None)
            if finished is None:
                del self._rounds  # all that was leased is done, and the generator has ended with it
                if not self._leased:
                    break
            else:
                ended += finished
        self._store.flush()
        progress = self._driver.progress
        # What was told once is not sent again with every slice.
        failures, progress.failures = progress.failures, []
        return Report(ended, failures, progress, self._session.engine.stats.near_ties)

    def evaluate(self, jobs: list[tuple[str, Program]]) -> Evaluated:
        """Execute programs on examples together, for an agent that lives with the driver."""
        return self._told(lambda: self._session.evaluator.evaluate(self._jobs(jobs)), len(jobs))

    def confirm(self, jobs: list[tuple[str, Program]]) -> Evaluated:
        """Execute programs on examples, each alone."""
        return self._told(lambda: self._session.evaluator.confirm(self._jobs(jobs)), len(jobs))

    def similarity(self, examples: list[tuple[str]]) -> Evaluated:
        """Similarity of hidden states, see `Evaluator.similarity`."""
        chosen = [self._examples[id_] for (id_,) in examples]
        return self._told(lambda: self._session.evaluator.similarity(chosen), 0)

    def _jobs(self, jobs: list[tuple[str, Program]]) -> list[Job]:
        return [(self._examples[id_], program) for id_, program in jobs]

    def _told(self, evaluate: Callable[[], Any], executed: int) -> Evaluated:
        """Evaluate, and count."""
        progress, started = self._evaluated, time.monotonic()
        self._began = self._began or started
        value = evaluate()
        now = time.monotonic()
        progress.executed += executed
        progress.engine_seconds += now - started
        progress.seconds = now - self._began
        return Evaluated(value, progress, self._session.engine.stats.near_ties)
