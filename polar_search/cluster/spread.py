"""A search whose agents live with the driver: each evaluation is cut into parts for all workers.

For an agent that searches all examples as one, and for fewer examples than workers. Everything but
the evaluation is the search of one process, so that it finds the same and goes on in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from polar_search.cluster.crew import Crew
from polar_search.cluster.fleet import Lost
from polar_search.cluster.leases import KILLS, Leases
from polar_search.errors import ClusterError
from polar_search.search.agent import MakeAgent
from polar_search.search.driver import Driver, Progress
from polar_search.search.evaluation import Job
from polar_search.search.outcome import Outcome
from polar_search.search.status import State, Status
from polar_search.search.store import FINGERPRINTS, Fingerprints, Store
from polar_search.tasks import Example

PARTS_EACH = 2
"""Parts of an evaluation for each worker, so that a fast one may take more."""


class Spread:
    """Evaluates with all workers of a crew at once; in the place of an `Evaluator`.

    A part whose worker dies is evaluated again by another one.

    Args:
        crew: The workers.
        tick: Called all the while.
    """

    def __init__(self, crew: Crew, tick: Callable[[], None]) -> None:
        self._crew, self._tick = crew, tick

    def evaluate(self, jobs: Sequence[Job]) -> list[Outcome]:
        """See `Evaluator`."""
        return self._spread("evaluate", jobs)

    def confirm(self, jobs: Sequence[Job]) -> list[Outcome]:
        """See `Evaluator`."""
        return self._spread("confirm", jobs)

    def similarity(self, examples: Sequence[Example]) -> tuple[tuple[float, ...], ...]:
        """See `Evaluator`; by one worker."""
        (similarity,) = self._run("similarity", [[(example.id,) for example in examples]])
        return similarity  # type: ignore[no-any-return]

    def _spread(self, method: str, jobs: Sequence[Job]) -> list[Outcome]:
        """Outcomes in the order of `jobs`; the rows of an example, which share much, stay close."""
        first = {example.id: i for i, (example, _) in reversed(list(enumerate(jobs)))}
        order = sorted(range(len(jobs)), key=lambda i: first[jobs[i][0].id])
        size = -(-len(jobs) // (PARTS_EACH * len(self._crew.fleet.members)))
        size = min(max(1, size), self._crew.config.rows)
        cut = [order[start : start + size] for start in range(0, len(order), size)]
        parts = [[(jobs[i][0].id, jobs[i][1]) for i in part] for part in cut]
        outcomes = [one for part in self._run(method, parts) for one in part]
        return [one for _, one in sorted(zip(order, outcomes, strict=True), key=lambda it: it[0])]

    def _run(self, method: str, parts: Sequence[Sequence[Any]]) -> list[Any]:
        """What the workers make of each part."""
        leases, brought = Leases(map(str, range(len(parts)))), dict[str, Any]()
        works_on: dict[str, str] = {}
        while leases.unfinished:
            for member in self._crew.idle():
                for part in leases.take(member.name, 1):
                    works_on[member.name], work = part, parts[int(part)]
                    member.has = len({example for example, *_ in work})
                    self._crew.fleet.call(member, method, work)
            self._tick()
            for member, result in self._crew.results():
                if isinstance(result, Lost):
                    for part in leases.lost(member.name, blame=result.blame):
                        raise _deadly(parts[int(part)], result)
                    continue
                part = works_on.pop(member.name)
                leases.done(member.name, [part])
                brought[part] = result.value
                member.has, member.near_ties = 0, result.near_ties
                if method == "evaluate":
                    member.progress = result.progress
        return [brought[str(i)] for i in range(len(parts))]


def _deadly(part: Sequence[Job], reason: Lost) -> ClusterError:
    examples = sorted({str(example) for example, *_ in part})
    return ClusterError(
        f"expected workers that survive {len(part)} rows of {', '.join(examples[:3])}, received "
        f"{KILLS} deaths, the last: {reason}; see the log of its node, lower --rows, or leave "
        "the example out"
    )


class SpreadSearch:
    """The driver's side of a search of which it holds the agents.

    Args:
        crew: The workers.
        examples: What is searched.
        make_agent: Of the agents.

    Attributes:
        set_aside: No examples: what kills its workers ends the search.
    """

    set_aside: Sequence[str] = ()

    def __init__(self, crew: Crew, examples: Sequence[Example], make_agent: MakeAgent) -> None:
        self._crew, self._examples, self._make_agent = crew, examples, make_agent
        self._driver: Driver | None = None

    def run(self, tick: Callable[[], None]) -> None:
        """Search as in one process; `tick` is called all the while."""
        crew, config = self._crew, self._crew.config
        store = opened_store(crew, tick)
        budget = config.run_budget()
        # What comes back is stored when an evaluation is whole: one for all workers.
        together = replace(budget, rows=budget.rows * len(crew.fleet.members))
        self._driver = Driver(
            Spread(crew, tick),
            store,
            config.space(layers_of(crew)),
            self._make_agent,
            together,
            config.seed,
            lambda _: tick(),
            config.on_agent_error,
        )
        self._driver.search(self._examples)

    def stop(self) -> None:
        """Nothing is left to store: the driver has done so."""

    def status(self, state: State) -> Status:
        """How far the search is."""
        loaded = self._crew.loaded
        return Status(
            state,
            self._driver.progress if self._driver else Progress(),
            examples=len(self._examples),
            programs=loaded.programs if loaded else 0,
            workers=self._crew.workers(),
            deaths=len(self._crew.gone),
            waiting_for=self._crew.waiting_for(),
        )


def opened_store(crew: Crew, tick: Callable[[], None]) -> Store:
    """The run's store, as soon as a worker has told what the outcomes depend on."""
    while crew.loaded is None:
        crew.results()
        tick()
    given = (crew.loaded.fixed[f"{name} fingerprint"] for name in FINGERPRINTS)
    return Store(crew.folder.place, Fingerprints(*given), crew.loaded.agent)


def layers_of(crew: Crew) -> int:
    """Layers of the model that the workers have loaded."""
    assert crew.loaded is not None, "a worker has loaded the model"
    return int(crew.loaded.fixed["num_layers"])
