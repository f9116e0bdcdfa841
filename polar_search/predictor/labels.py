"""Label sets: the valid programs of a run's training examples, and what each of them weighs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from polar_search.errors import PredictorError
from polar_search.predictor.runs import writable
from polar_search.program import Program
from polar_search.search.config import SearchConfig
from polar_search.search.places import Location
from polar_search.search.run import open_run, task_of_run
from polar_search.search.store import read_outcomes, read_trace
from polar_search.tasks import Example, Task

Weighting = Literal["paper", "uniform", "shortest", "first"]

FULL_DEPTH_WEIGHT = 0.3
"""What the standard pass weighs beside a shorter valid program (paper, section 3.2)."""


OFTEN = 100
"""Programs that are remembered as often valid."""


@dataclass(frozen=True)
class Label:
    """An example with its valid programs, whose weights sum to 1, and those known to fail."""

    example: Example
    programs: tuple[Program, ...]
    weights: tuple[float, ...]
    invalid: tuple[Program, ...] = ()


@dataclass(frozen=True)
class LabelSet:
    """The labels of a run, and what was left out.

    Attributes:
        run: The run's options and fingerprints.
        task: Its task.
        examples: All training examples that were searched.
        labels: Those of them that have a valid program.
        often_valid: The programs that are valid for most examples, those that no label has room for
            included: what menus are chosen among.
        too_many_repeats: Valid programs left out, since they repeat more than the predictor can.
    """

    run: Mapping[str, Any]
    task: Task
    examples: tuple[Example, ...]
    labels: tuple[Label, ...]
    often_valid: tuple[Program, ...]
    too_many_repeats: int


def read_labels(
    run: Location,
    weighting: Weighting = "paper",
    max_programs: int = 50,
    max_repeats: int | None = None,
    levels: Sequence[int] | None = None,
) -> LabelSet:
    """The labels of the run folder `run`.

    Args:
        run: A run on the train split.
        weighting: ``paper``: all alike, but for the standard pass where a shorter program is valid;
            ``uniform``: all alike; ``shortest``: those of the least depth alone; ``first``: the
            one that the search found first.
        max_programs: Valid programs of an example at most, the shallowest of them.
        max_repeats: Executions of a segment that the predictor can express; by default the run's.
        levels: Levels to learn from; all by default.

    Raises:
        PredictorError: A run on another split, or without valid programs.
        RunError: No run, or a broken one.
    """
    config = options_of_run(run)
    if config.get("split") != "train":
        raise PredictorError(
            f"expected a run on the train split, received '{run}' on '{config.get('split')}'; "
            "search with --split train"
        )
    task = task_of_run(run)
    most = max_repeats or config["max_repeats"]
    valid, invalid, searched, left_out = _verdicts(run, config, most)
    order = _found_order(run) if weighting == "first" else {}
    examples = [e for e in task.examples("train") if e.id in searched]
    if levels is not None:
        examples = [e for e in examples if e.level in levels]
    labels = []
    for example in examples:
        if programs := valid.get(example.id):
            shallow = sorted(programs, key=lambda program: (program.depth, program.path))
            rank = order.get(example.id, {})
            weights = weigh(shallow[:max_programs], weighting, rank)
            failed = tuple(invalid.get(example.id, ()))
            labels.append(Label(example, tuple(weights), tuple(weights.values()), failed))
    if not labels:
        raise PredictorError(
            f"expected valid programs to learn from, received none of {len(examples)} examples in "
            f"'{run}'; search a larger space or budget, or check the task with `polar-search stats`"
        )
    often = _often_valid([valid.get(example.id, ()) for example in examples])
    return LabelSet(config, task, tuple(examples), tuple(labels), often, left_out)


def options_of_run(run: Location) -> dict[str, Any]:
    """All options and fingerprints of a run; those that it does not tell have their defaults."""
    folder = open_run(run)
    fixed = folder.fixed() or {}
    begun = folder.read("config.json").get("config") or {}
    return {**SearchConfig().to_dict(), **begun, **fixed}


def weigh(
    programs: Sequence[Program], weighting: Weighting, found: Mapping[tuple[int, ...], int]
) -> dict[Program, float]:
    """The weights of one example's valid programs, shallowest first, that have one.

    Args:
        programs: Valid programs, shallowest first.
        weighting: See `read_labels`.
        found: When the search asked each path.
    """
    weights = dict.fromkeys(programs, 1.0)
    if weighting == "shortest":
        weights = {p: 1.0 for p in programs if p.depth == programs[0].depth}
    elif weighting == "first":
        weights = {min(programs, key=lambda p: found.get(p.path, len(found))): 1.0}
    elif weighting == "paper":
        standard = Program.identity(programs[0].num_layers)
        if standard in weights and programs[0].depth < standard.depth:
            weights[standard] = FULL_DEPTH_WEIGHT
    total = sum(weights.values())
    return {program: weight / total for program, weight in weights.items()}


ByExample = dict[str, dict[Program, None]]


def _verdicts(
    run: Location, config: Mapping[str, Any], most: int
) -> tuple[ByExample, ByExample, set[str], int]:
    """Valid and invalid programs by example, all ids, and how many valid ones repeat too much."""
    table = read_outcomes(run)
    table = table.filter(_equal(table["model"], config["model fingerprint"]))
    searched = set(table["example_id"].to_pylist())
    rows = table.select(["example_id", "path", "correct"])
    valid: ByExample = {}
    invalid: ByExample = {}
    left_out = 0
    read = cache(lambda path: Program.from_path(path, config["num_layers"], config["max_segment"]))
    for id_, path, correct in zip(*(column.to_pylist() for column in rows.columns), strict=True):
        program = read(tuple(path))  # one object a program, whatever the number of examples
        if writable(program, config["max_segment"], most):
            verdicts = valid if correct else invalid
            verdicts.setdefault(id_, {})[program] = None  # confirmed ones are there twice
        elif correct:
            left_out += 1
    return valid, invalid, searched, left_out


def _often_valid(valid: Sequence[Collection[Program]]) -> tuple[Program, ...]:
    """The programs that are valid for most examples; among equals the shallower first."""
    count = Counter(program for programs in valid for program in programs)
    ranked = sorted(count, key=lambda program: (-count[program], program.depth, program.path))
    return tuple(ranked[:OFTEN])


def _equal(column: Any, value: str) -> Any:  # noqa: ANN401
    import pyarrow.compute as pc

    return pc.equal(column, value)


def _found_order(run: Location) -> dict[str, dict[tuple[int, ...], int]]:
    """For each example the step at which each path was asked."""
    order: dict[str, dict[tuple[int, ...], int]] = {}
    for row in read_trace(run).to_pylist():
        order.setdefault(row["example_id"], {}).setdefault(tuple(row["path"]), row["step"])
    return order
