"""Chosen examples and programs executed into a store, those that it knows left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from polar_search.program import Program
from polar_search.search.evaluation import Evaluator, Job
from polar_search.search.store import Store


def execute(
    evaluator: Evaluator,
    store: Store,
    jobs: Sequence[Job],
    rows: int = 1024,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[tuple[str, Program], bool]:
    """The verdicts on all jobs, by example id and program, from the store or from the engine.

    Whatever ends it early, what was computed is stored.

    Args:
        evaluator: Executes and grades.
        store: Knows what came out before, and keeps what comes out.
        jobs: Examples with programs.
        rows: Rows of one evaluation.
        on_progress: Called with the jobs done and the jobs in all.
    """
    layers = evaluator.engine.num_layers
    known = {
        (id_, program): outcome.correct
        for id_ in {example.id for example, _ in jobs}
        for program, outcome in store.known(id_, layers).items()
    }
    new = [job for job in jobs if (job[0].id, job[1]) not in known]
    try:
        for start in range(0, len(new), rows):
            outcomes = evaluator.evaluate(new[start : start + rows])
            store.append(outcomes, [])
            known |= {(o.example_id, o.program): o.correct for o in outcomes}
            if on_progress is not None:
                on_progress(len(jobs) - len(new) + start + len(outcomes), len(jobs))
    finally:
        store.flush()
    return known
