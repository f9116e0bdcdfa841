"""Imported labels, executed again: how many verdicts stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from polar_search.analysis.intervals import Estimate, clustered_share
from polar_search.errors import LabelError
from polar_search.exchange.importing import IMPORTED
from polar_search.execution import ProgramEngine
from polar_search.models import locate
from polar_search.program import Program
from polar_search.search.evaluation import Evaluator, Job
from polar_search.search.executing import execute
from polar_search.search.run import open_run, task_of_run
from polar_search.search.store import Fingerprints, Store, read_outcomes
from polar_search.tasks import SPLITS, Task


@dataclass(frozen=True)
class Verified:
    """What executing imported labels said.

    Attributes:
        same: Share of labels whose verdict stays, of those executed.
        now_valid: Labels that were invalid and are valid.
        now_invalid: Labels that were valid and are invalid.
    """

    same: Estimate
    now_valid: int
    now_invalid: int


def verify_labels(
    run: Path,
    model: str,
    *,
    limit: int | None = None,
    rows: int = 1024,
    device: str = "auto",
    dtype: str = "auto",
    on_progress: Callable[[int, int], None] | None = None,
) -> Verified:
    """Execute the imported labels of a run, and the standard pass; the outcomes join the run.

    What was executed before is not executed again, so that the same command goes on.

    Args:
        run: The run folder.
        model: Registry name, Hub id or local folder of the model that the labels are for.
        limit: Examples of each level at most.
        rows: Rows of one evaluation.
        device: Where to run.
        dtype: Of the weights.
        on_progress: Called with the labels done and the labels in all.

    Raises:
        LabelError: The run holds no imported labels, or labels for a model of another depth.
        RunError: It holds no run, or the task has other examples by now.
    """
    folder = open_run(run)
    config = folder.fixed() or {}
    task = task_of_run(run)
    jobs, said = _labels(run, task, config["num_layers"], limit)
    engine = ProgramEngine.from_pretrained(locate(model, task), device=device, dtype=dtype)
    if engine.num_layers != config["num_layers"]:
        raise LabelError(
            f"expected a model of {config['num_layers']} layers, as the labels are for, received "
            f"'{model}' with {engine.num_layers}; name another"
        )
    evaluator = Evaluator(engine, task)
    decoding = engine.decoding_fingerprint(evaluator.max_new_tokens, stop=task.stop)
    prints = Fingerprints(engine.fingerprint, task.fingerprint(), decoding)
    _check_model(run, prints, model)
    with folder.owned():
        verdicts = execute(evaluator, Store(run, prints, "verify"), jobs, rows, on_progress)
    flips = [verdicts[job] for job, valid in said.items() if verdicts[job] != valid]
    verified = Verified(_same(said, verdicts), sum(flips), len(flips) - sum(flips))
    folder.write("verified.json", {"model": model, **asdict(verified)})
    return verified


def _check_model(run: Path, prints: Fingerprints, model: str) -> None:
    """Hold the model against the one that executed labels of this run before."""
    table = read_outcomes(run)
    executed = table.filter(pc.not_equal(table["source"], IMPORTED))
    columns = (executed[name] for name in ("model", "decoding"))
    before = {value for column in columns for value in pc.unique(column).to_pylist()}
    if before - {prints.model, prints.decoding}:
        raise LabelError(
            f"expected the model that executed labels of '{run}' before, received '{model}', which "
            "is another, or runs otherwise; import the labels into a new folder for it"
        )


def _same(
    said: Mapping[tuple[str, Program], bool], verdicts: Mapping[tuple[str, Program], bool]
) -> Estimate:
    """The share of labels that stay; labels of one example hang together, so it is the unit."""
    ids = [id_ for id_, _ in said]
    stays = np.array([verdicts[job] == valid for job, valid in said.items()], dtype=np.float64)
    codes = np.unique(ids, return_inverse=True)[1]
    labels, same = np.bincount(codes), np.bincount(codes, weights=stays)
    return clustered_share(same.astype(np.int64), labels)


def _labels(
    run: Path, task: Task, num_layers: int, limit: int | None
) -> tuple[list[Job], dict[tuple[str, Program], bool]]:
    """What to execute, and what the imported labels say of it."""
    table = read_outcomes(run)
    labels = table.filter(pc.equal(table["source"], IMPORTED))
    imported: list[dict[str, Any]] = labels.to_pylist()
    if not imported:
        raise LabelError(
            f"expected imported labels in '{run}', received none; import some: "
            "polar-search import-labels"
        )
    examples = {e.id: e for split in SPLITS for e in task.examples(split)}
    chosen: dict[int, list[str]] = {}
    for row in imported:
        ids = chosen.setdefault(row["level"], [])
        if row["example_id"] not in ids and (limit is None or len(ids) < limit):
            ids.append(row["example_id"])
    wanted = dict.fromkeys(id_ for ids in chosen.values() for id_ in ids)
    said = {
        (row["example_id"], Program.from_path(row["path"], num_layers)): row["correct"]
        for row in imported
        if row["example_id"] in wanted
    }
    identity = Program.identity(num_layers)
    keys = dict.fromkeys([*((id_, identity) for id_ in wanted), *said])
    return [(examples[id_], program) for id_, program in keys], said
