"""The format of PoLar and RE-PoLar: `merged_mcts_samples.json`, also gzip-compressed.

An object with `samples`, a list, or an object of objects. A sample has `final_valid_transitions`
and `final_invalid_transitions`, lists of layer paths; the verdict of the standard pass is its
`initial_score` or `initial_transition_metric`. Question and answer have several names, and may be
missing: then `sample_info.query_id` says which question of DART-Math it is. RE-PoLar adds the
`search_trajectory`, one entry a simulation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from polar_search.errors import LabelError
from polar_search.exchange.samples import Path, Sample, Simulation

VALID, INVALID = "final_valid_transitions", "final_invalid_transitions"
QUESTIONS = ("question", "query", "problem")
ANSWERS = ("gt_ans", "ground_truth", "answer")
BASES = ("initial_transition_metric", "initial_score")
FOLDER_LEVEL = re.compile(r"dart-math-diff-(\d+)")


def is_merged(content: object) -> bool:
    """Whether the content of a file looks like this format."""
    return isinstance(content, Mapping) or (
        isinstance(content, list) and bool(content) and isinstance(content[0], Mapping)
    )


def read_merged(content: Any, file: str) -> Iterator[Sample]:  # noqa: ANN401
    """The samples of a file's content; its level is that of the folder where it says none.

    Raises:
        LabelError: A sample has no paths, or something else than paths.
    """
    if isinstance(content, Mapping):
        content = content.get("samples", content)
    named = content.items() if isinstance(content, Mapping) else enumerate(content)
    folder = FOLDER_LEVEL.search(file)
    for name, entry in named:
        yield _sample(entry, f"sample '{name}' of '{file}'", folder.group(1) if folder else None)


def _sample(entry: Any, where: str, folder_level: str | None) -> Sample:  # noqa: ANN401
    if not isinstance(entry, Mapping) or not {VALID, INVALID} & entry.keys():
        raise LabelError(
            f"expected {VALID} or {INVALID} in {where}, received "
            f"{', '.join(entry) if isinstance(entry, Mapping) else repr(entry)[:80]}; give a "
            "merged_mcts_samples.json"
        )
    info = entry.get("sample_info") or {}
    verdicts = [
        (_path(path, where), valid)
        for name, valid in ((VALID, True), (INVALID, False))
        for path in entry.get(name) or ()
    ]
    base = _first(BASES, entry)
    level = re.search(r"\d+", str(info.get("difficulty", folder_level)))
    return Sample(
        where,
        tuple(verdicts),
        id=_text(_first(("query_id",), info, entry)),
        question=_text(_first(QUESTIONS, entry, info)),
        answer=_text(_first(ANSWERS, entry, info)),
        level=int(level.group()) if level else None,
        base=None if base is None else float(base) > 0,
        search=tuple(_simulation(step, where) for step in entry.get("search_trajectory") or ()),
    )


def _first(names: Sequence[str], *entries: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """The first value there is under one of the names."""
    found = (entry[name] for entry in entries for name in names if entry.get(name) is not None)
    return next(found, None)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _simulation(step: Any, where: str) -> Simulation:  # noqa: ANN401
    if not isinstance(step, Mapping) or not {"path", "reward"} <= step.keys():
        raise LabelError(
            f"expected path, parent_path and reward in the search_trajectory of {where}, received "
            f"{repr(step)[:80]}; correct it or leave it out"
        )
    parent = step.get("parent_path")
    return Simulation(
        _path(step["path"], where),
        None if parent is None else _path(parent, where),
        float(step["reward"]) > 0,
    )


def _path(value: Any, where: str) -> Path:  # noqa: ANN401
    if not isinstance(value, list) or not all(type(layer) is int for layer in value):
        raise LabelError(
            f"expected layer paths such as [0, 1, 1, 2] in {where}, received "
            f"{repr(value)[:80]}; correct it"
        )
    return tuple(value)


def write_merged(samples: Sequence[Sample]) -> dict[str, Any]:
    """The content of a file that holds `samples`."""
    return {"samples": [_entry(sample) for sample in samples]}


def _entry(sample: Sample) -> dict[str, Any]:
    entry: dict[str, Any] = {"question": sample.question, "gt_ans": sample.answer}
    for name, wanted in ((VALID, True), (INVALID, False)):
        entry[name] = [list(path) for path, valid in sample.verdicts if valid == wanted]
    if sample.base is not None:
        entry |= {"initial_score": float(sample.base)}
        entry |= {"initial_transition_metric": float(sample.base)}
    entry["sample_info"] = {"query_id": sample.id, "difficulty": sample.level}
    if sample.search:
        entry["search_trajectory"] = [
            {
                "path": list(step.path),
                "parent_path": None if step.parent is None else list(step.parent),
                "reward": float(step.correct),
            }
            for step in sample.search
        ]
    return entry
