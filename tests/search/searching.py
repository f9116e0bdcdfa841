"""Searches with the real model, an adaptive agent, and ways to look at and disturb them."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import Agent, Proposal
from polar_search.search.config import Budget
from polar_search.search.driver import Driver
from polar_search.search.evaluation import Evaluator
from polar_search.search.session import agent_factory
from polar_search.search.store import Fingerprints, Store, read_outcomes, read_trace

if TYPE_CHECKING:
    from polar_search.search.driver import Progress
    from polar_search.search.session import Session

SPACE = ProgramSpace(8, max_edits=1)
PRINTS = Fingerprints("model", "task", "decoding")


class Climber(Agent):
    """Random neighbours of what was valid so far: what it asks depends on all it was told."""

    def __init__(self, space, seed, patience: int = 200):
        super().__init__(space, seed)
        self._rng, self._patience = Random(seed), patience
        self._parents = [Program.identity(space.num_layers)]
        self._asked = set(self._parents)

    def ask(self, n):
        proposals = []
        for _ in range(self._patience):
            parent = self._rng.choice(self._parents)
            child = self._rng.choice(list(self.space.neighbours(parent)))
            if child not in self._asked and len(proposals) < n:
                self._asked.add(child)
                proposals.append(Proposal(child, parent))
        return proposals

    def tell(self, outcomes):
        self._parents += [outcome.program for outcome in outcomes if outcome.correct]


class Watched(Evaluator):
    """Remembers what was executed in each evaluation, and may stop the run at one of them."""

    def __init__(self, evaluator: Evaluator, stop_at: int | None = None):
        super().__init__(evaluator.engine, evaluator.task)
        self.calls: list[list[tuple[str, Program]]] = []
        self.stop_at = stop_at

    def evaluate(self, jobs):
        if len(self.calls) == self.stop_at:
            raise KeyboardInterrupt
        self.calls.append([(example.id, program) for example, program in jobs])
        return super().evaluate(jobs)

    @property
    def jobs(self):
        """All that was executed."""
        return [job for call in self.calls for job in call]


def drive(
    evaluator,
    folder,
    examples,
    agent=Climber,
    *,
    programs=6,
    ask_batch=2,
    rows=4,
    seed=0,
    space=SPACE,
    on_agent_error="stop",
    **limits,
) -> Progress:
    """Search `examples` into `folder`."""
    store = Store(folder, PRINTS, "agent")
    budget = Budget(programs, ask_batch, rows, **limits)
    driver = Driver(evaluator, store, space, agent, budget, seed, on_agent_error=on_agent_error)
    return driver.search(examples)


def run(loaded: Session, out, **options) -> Progress:
    """Search into the run folder `out` with some options changed."""
    config = replace(loaded.config, **options)
    return replace(loaded, config=config, make_agent=agent_factory(config)).run(out)


def outcomes_of(folder):
    """All stored outcomes, sorted by key."""
    rows = read_outcomes(folder).to_pylist()
    return sorted(rows, key=lambda row: (row["example_id"], row["path"], row["source"]))


def trace_of(folder):
    """All stored steps, sorted by key."""
    rows = read_trace(folder).to_pylist()
    return sorted(rows, key=lambda row: (row["agent"], row["example_id"], row["step"]))


def stored(folder):
    """Everything a search leaves in its tables."""
    return outcomes_of(folder), trace_of(folder)
