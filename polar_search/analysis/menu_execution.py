"""Shared menus executed on every example they are scored on: what menu coverage is by execution."""

from __future__ import annotations

from collections.abc import Callable

from polar_search.analysis.coverage import SIZE, choose_menus, missing_cells
from polar_search.analysis.runs import MENU, outcomes_of
from polar_search.errors import RunError
from polar_search.execution import ProgramEngine
from polar_search.models import locate
from polar_search.program import Program
from polar_search.search.evaluation import Evaluator
from polar_search.search.executing import execute
from polar_search.search.places import Location
from polar_search.search.run import open_run, task_of_run
from polar_search.search.store import Fingerprints, Store
from polar_search.tasks import SPLITS


def execute_menus(
    run: Location,
    *,
    size: int = SIZE,
    rows: int = 1024,
    device: str = "auto",
    on_progress: Callable[[int, int], None] | None = None,
) -> int:
    """Execute the programs of a run's menus on the examples that they are scored on.

    What the search has executed is not executed again, nor what a call before this one has. The
    outcomes lie in the folder `menu` of the run: an oracle over the search does not grow by them.

    Args:
        run: The run folder.
        size: Programs of a menu at most, up to `SIZE`.
        rows: Rows of one evaluation.
        device: Where to run.
        on_progress: Called with the outcomes done and the outcomes in all.

    Returns:
        The cells that the search had not executed.

    Raises:
        RunError: The folder holds no run or imported labels, or the model is another than was
            searched.
    """
    folder, task = open_run(run), task_of_run(run)
    config = folder.fixed() or {}
    if config["decoding fingerprint"] == "imported":
        raise RunError(
            f"expected a run that was searched, received '{run}' with imported labels, which name "
            "no model to execute with; search with the model into another folder"
        )
    examples = {example.id: example for split in SPLITS for example in task.examples(split)}
    outcomes = outcomes_of(run)
    missing = missing_cells(outcomes, choose_menus(outcomes, size))
    layers = outcomes.num_layers
    jobs = [(examples[id_], Program.parse(notation, layers)) for id_, notation in missing]
    engine = ProgramEngine.from_pretrained(
        locate(config["model"], task), device=device, dtype=config["dtype"]
    )
    evaluator = Evaluator(engine, task, config["max_new_tokens"])
    decoding = engine.decoding_fingerprint(evaluator.max_new_tokens, stop=task.stop)
    prints = Fingerprints(engine.fingerprint, task.fingerprint(), decoding)
    if prints.model != config["model fingerprint"] or decoding != config["decoding fingerprint"]:
        raise RunError(
            f"expected the model that '{run}' was searched on, run as it was then, received "
            f"another under the name '{config['model']}'; search with it into a new folder"
        )
    with folder.owned():
        execute(evaluator, Store(folder.place.below(MENU), prints, MENU), jobs, rows, on_progress)
    return len(jobs)
