"""Labels of other tools into a run folder, where all statistics and trainings find them.

Imported outcomes carry the source `imported` and no text: nobody here has executed them. (Those of
PoLar and Dr.LLM were computed with one cache slot for all occurrences of a layer; here each has its
own.) `verify_labels` executes them again.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polar_search.errors import LabelError, ProgramError, RunError
from polar_search.exchange.files import read_samples
from polar_search.exchange.samples import Path as LayerPath
from polar_search.exchange.samples import Sample
from polar_search.program import Program
from polar_search.program.segment import DEFAULT_MAX_SEGMENT
from polar_search.search.config import SearchConfig
from polar_search.search.outcome import Outcome, Source, TraceStep
from polar_search.search.run import RunFolder
from polar_search.search.store import Fingerprints, Store
from polar_search.tasks import SPLITS, Example, Task, load_task

IMPORTED: Source = "imported"
EXAMPLES = "examples.jsonl"
MANY = 200_000
"""Outcomes of a part of the store."""


@dataclass
class Imported:
    """What an import took over, and what it could not, by reason.

    Attributes:
        examples: Inputs with at least one outcome.
        outcomes: Pairs of an input and a program.
        without_base: Inputs of which the file does not tell the verdict of the standard pass.
        left_out: Paths or samples that were not taken over, by reason.
    """

    examples: int = 0
    outcomes: int = 0
    without_base: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def import_labels(
    file: Path,
    num_layers: int,
    out: Path,
    *,
    task: str | None = None,
    task_options: Mapping[str, Any] | None = None,
    model: str = "unknown",
) -> Imported:
    """Read a label file into the new run folder `out`.

    Args:
        file: Labels of PoLar, RE-PoLar or Dr.LLM.
        num_layers: Layers of the model that they are for.
        out: The run folder.
        task: Whose examples the labels belong to, joined by id, else by question; by default the
            file's own questions become the run's task.
        task_options: Options of the task.
        model: Name of the model the labels were made with, for the record.

    Raises:
        LabelError: The file is broken, for another depth, or of other questions.
        RunError: `out` holds something already, or cannot be written.
    """
    samples = list(read_samples(file))
    check_depth(samples, num_layers, file)
    if (out / "config.json").exists() or any(out.glob("outcomes/*.parquet")):
        raise RunError(f"expected a new folder, received '{out}', which holds a run; name another")
    report = Imported()
    folder = RunFolder(out)
    with folder.owned():
        if task is None:
            task, task_options = "file", _own_examples(samples, folder)
        loaded = load_task(task, task_options)
        joined = list(_join(samples, loaded, report))
        if not joined:
            raise LabelError(
                f"expected samples of '{file}' with ids or questions of task '{task}', received "
                f"none among {len(samples)}; name the task that the labels were made on"
            )
        options = dict(task_options or {})
        config = SearchConfig(  # no agent says how many edits it is used to
            model=model, task=task, task_options=options, agent=IMPORTED, max_edits=2
        )
        prints = Fingerprints(f"{IMPORTED}:{model}", loaded.fingerprint(), IMPORTED)
        fingerprints = {f"{name} fingerprint": value for name, value in vars(prints).items()}
        fixed = {**config.fixed(), **fingerprints, "num_layers": num_layers}
        folder.begin(fixed, config.to_dict())
        store = Store(out, prints, IMPORTED, flush_rows=MANY, flush_seconds=float("inf"))
        for example, sample in joined:
            _take(store, example, sample, num_layers, report)
        store.flush()
        folder.write("summary.json", {**vars(report), "labels": file.name})
    return report


def check_depth(samples: Iterable[Sample], num_layers: int, file: Path) -> None:
    """Hold the paths against the depth of the model.

    Raises:
        LabelError: No path reaches the last layer, or one goes beyond it.
    """
    highest, where = -1, ""
    for sample in samples:
        top = max((layer for path, _ in sample.verdicts for layer in path), default=-1)
        if top > highest:
            highest, where = top, sample.where
    if highest < 0:
        raise LabelError(f"expected layer paths in '{file}', received none; give another file")
    if highest != num_layers - 1:
        raise LabelError(
            f"expected labels for {num_layers} layers, received layer {highest} as the last one, "
            f"in {where}; they seem to be for {highest + 1}: --num-layers {highest + 1}"
        )


def _own_examples(samples: Sequence[Sample], folder: RunFolder) -> dict[str, str]:
    """Write the questions of the file into the run folder, as a task of its own."""
    nameless = next((s for s in samples if not s.question or not s.answer), None)
    if nameless is not None:
        raise LabelError(
            f"expected a question and an answer in every sample, received none in "
            f"{nameless.where}; name the task that has them: --task dart-math"
        )
    path = folder.path.resolve() / EXAMPLES
    rows = {
        (id_ := sample.id or _id(sample)): {
            "id": id_,
            "level": 1 if sample.level is None else sample.level,
            "question": sample.question,
            "answer": sample.answer,
            "split": "train",
        }
        for sample in samples
    }
    try:
        text = "".join(json.dumps(row) + "\n" for row in rows.values())
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunError(
            f"expected to write '{path}', received {error.strerror}; choose another folder"
        ) from error
    return {"path": str(path), "id": "id", "level": "level", "split": "split"}


def _id(sample: Sample) -> str:
    return hashlib.sha256(str(sample.question).encode()).hexdigest()[:12]


def _join(
    samples: Sequence[Sample], task: Task, report: Imported
) -> Iterator[tuple[Example, Sample]]:
    """Each sample with its example: by id, else by question; a question once."""
    examples = [example for split in SPLITS for example in task.examples(split)]
    by_id = {example.id: example for example in examples}
    by_question = {" ".join(example.question.split()): example for example in examples}
    seen: set[str] = set()
    for sample in samples:
        example = by_id.get(sample.id or "")
        example = example or by_question.get(" ".join((sample.question or "").split()))
        if example is None:
            report.left_out["samples of no example of the task"] += 1
        elif example.id in seen:
            report.left_out["samples of a question that came before"] += 1
        else:
            seen.add(example.id)
            yield example, sample


def _take(
    store: Store, example: Example, sample: Sample, num_layers: int, report: Imported
) -> None:
    """One sample's outcomes and search into the store."""
    base = tuple(range(num_layers))
    verdicts = dict(sample.verdicts)
    for path, count in Counter(path for path, _ in sample.verdicts).items():
        if count > 1 and {(path, True), (path, False)} <= set(sample.verdicts):
            report.left_out["paths that are both valid and invalid"] += 1
            del verdicts[path]
    if sample.base is not None:
        verdicts.setdefault(base, sample.base)
    programs = {path: _program(path, num_layers, report) for path in verdicts}
    outcomes = [
        Outcome(example.id, example.level, program, None, verdicts[path], IMPORTED)
        for path, program in programs.items()
        if program is not None
    ]
    store.append(outcomes, list(_steps(example.id, sample, num_layers)))
    report.examples += bool(outcomes)
    report.outcomes += len(outcomes)
    report.without_base += bool(outcomes) and base not in verdicts


def _steps(example_id: str, sample: Sample, num_layers: int) -> Iterator[TraceStep]:
    """The search of a sample; the standard pass is step 0, whether or not it is told."""
    base = tuple(range(num_layers))
    first = 0 if sample.search and sample.search[0].path == base else 1
    for number, step in enumerate(sample.search, first):
        program = _program(step.path, num_layers)
        parent = None if step.parent is None else _program(step.parent, num_layers)
        if program is not None:
            yield TraceStep(example_id, number, program, parent)


def _program(path: LayerPath, num_layers: int, report: Imported | None = None) -> Program | None:
    """The program of a path; None, and counted, where our notation has none."""
    try:
        return Program.from_path(path, num_layers)
    except ProgramError:
        if report is not None:
            report.left_out[f"paths that {_fault(path, num_layers)}"] += 1
        return None


def _fault(path: LayerPath, num_layers: int) -> str:
    """Why a path is no program of ours."""
    try:
        Program.from_path(path, num_layers, max_segment=num_layers)
    except ProgramError:
        return "go back other than to repeat a block as a whole" if path else "execute nothing"
    return f"repeat a block of more than {DEFAULT_MAX_SEGMENT} layers"
