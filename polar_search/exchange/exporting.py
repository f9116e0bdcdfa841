"""The outcomes of a run as a label file of PoLar, RE-PoLar or Dr.LLM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from polar_search.analysis.outcomes import SOURCES
from polar_search.errors import LabelError
from polar_search.exchange.files import write_content
from polar_search.exchange.merged import write_merged
from polar_search.exchange.samples import Path as LayerPath
from polar_search.exchange.samples import Sample, Simulation
from polar_search.exchange.vectors import write_vectors
from polar_search.search.run import open_run
from polar_search.search.store import read_outcomes, read_trace
from polar_search.tasks import SPLITS, Example, load_task

Format = Literal["merged", "drllm"]


@dataclass(frozen=True)
class Exported:
    """What an export wrote, and what the format cannot hold.

    Attributes:
        examples: Inputs in the file.
        programs: Programs in the file.
        lost: Valid programs that the format has no way to say.
        unsaid: Invalid programs, of which the format says nothing.
    """

    examples: int
    programs: int
    lost: int = 0
    unsaid: int = 0


def export_labels(run: Path, file: Path, kind: Format = "merged") -> Exported:
    """Write the outcomes of a run into `file`; where one has several sources, the most trusted.

    Args:
        run: The run folder.
        file: What to write; a name that ends with .gz is compressed.
        kind: `merged`: valid and invalid paths, and the search, as PoLar and RE-PoLar have them.
            `drllm`: a tuple for each valid program that a vector of 0, 1 and 2 can say.

    Raises:
        RunError: There is no such run, or the file cannot be written.
        LabelError: The run holds no outcomes, or outcomes of several models.
    """
    config = open_run(run).fixed() or {}
    task = load_task(config["task"], config.get("task_options"))
    examples = {e.id: e for split in SPLITS for e in task.examples(split)}
    samples = list(_samples(run, examples, config["num_layers"]))
    count = sum(len(sample.verdicts) for sample in samples)
    if not count:
        raise LabelError(f"expected outcomes in '{run}', received none; search first")
    if kind == "merged":
        write_content(file, write_merged(samples))
        return Exported(len(samples), count)
    triples, lost = write_vectors(samples, config["num_layers"])
    write_content(file, triples)
    unsaid = sum(not valid for sample in samples for _, valid in sample.verdicts)
    return Exported(len({str(t[0]) for t in triples}), len(triples), lost, unsaid)


def _samples(run: Path, examples: dict[str, Example], num_layers: int) -> Iterator[Sample]:
    """One sample an example, in the order stored."""
    base = tuple(range(num_layers))
    verdicts = _verdicts(read_outcomes(run))
    searches = _searches(read_trace(run))
    for id_, (level, found) in verdicts.items():
        example = examples.get(id_)
        steps = [
            Simulation(path, parent, found[path])
            for path, parent in searches.get(id_, ())
            if path in found
        ]
        yield Sample(
            id_,
            tuple(found.items()),
            id=id_,
            question=example.question if example else None,
            answer=example.answer if example else None,
            level=level,
            base=found.get(base),
            search=tuple(steps),
        )


def _verdicts(table: pa.Table) -> dict[str, tuple[int, dict[LayerPath, bool]]]:
    """Level and verdicts by example; of one pair's the most trusted."""
    found: dict[str, tuple[int, dict[LayerPath, bool]]] = {}
    trust: dict[tuple[str, LayerPath], int] = {}
    columns = ("example_id", "level", "path", "correct", "source")
    for batch in table.select(columns).to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            path = tuple(row["path"])
            key, rank = (row["example_id"], path), SOURCES.index(row["source"])
            if rank < trust.get(key, len(SOURCES)):
                trust[key] = rank
                found.setdefault(row["example_id"], (row["level"], {}))[1][path] = row["correct"]
    return found


def _searches(table: pa.Table) -> dict[str, list[tuple[LayerPath, LayerPath | None]]]:
    """The steps by example, if one agent alone has searched."""
    agents = set(table["agent"].to_pylist())
    if len(agents) != 1:
        return {}
    found: dict[str, list[tuple[LayerPath, LayerPath | None]]] = {}
    rows: list[dict[str, Any]] = table.to_pylist()
    for row in sorted(rows, key=lambda row: (row["example_id"], row["step"])):
        parent = row["parent_path"]
        step = tuple(row["path"]), None if parent is None else tuple(parent)
        found.setdefault(row["example_id"], []).append(step)
    return found
