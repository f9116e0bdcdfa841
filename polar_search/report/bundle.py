"""What the explorer shows, packed: an index of all examples, and chunks that are opened on demand.

Everything is columns of codes: a program is a number in the index's list of notations, a text one
in its example's list. A part is JSON, gzipped, in base64, which is what a page can carry inside and
a browser can open by itself.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from polar_search.analysis import Outcomes
from polar_search.tasks import Example

CHUNK = 4000
"""Outcomes after which a chunk ends, with the example they belong to."""
KINDS = ("C->C", "W->C", "unsolved")
"""The standard pass is right; wrong, but some program is right; none is."""

Steps = Mapping[str, Mapping[str, list[tuple[str, str | None]]]]
"""For each example, for each agent, its steps: a program and its parent, in order."""


@dataclass(frozen=True)
class Bundle:
    """The parts of the explorer's data.

    Attributes:
        index: Columns of all examples, and the notations of all programs.
        programs: For each program, the examples it was tried on and those it answered.
        chunks: Outcomes and steps, some examples each.
    """

    index: str
    programs: str
    chunks: tuple[str, ...]


def bundle(
    outcomes: Outcomes, examples: Mapping[str, Example], steps: Steps, agents: Sequence[str]
) -> Bundle:
    """Pack outcomes and steps.

    Args:
        outcomes: The outcomes of a run.
        examples: By id; one that is missing has no question and no answer to show.
        steps: What the agents asked.
        agents: Their names in `steps`, in the order of the page's choice.
    """
    starts = np.searchsorted(outcomes.example, np.arange(outcomes.num_examples + 1))
    places = _places(starts)
    parts: list[list[dict[str, Any]]] = [[] for _ in range(places[-1] + 1)]
    for number, chunk in enumerate(places):
        rows = slice(starts[number], starts[number + 1])
        parts[chunk].append(_one(outcomes, rows, steps[outcomes.example_ids[number]], agents))
    return Bundle(
        pack(_index(outcomes, examples, steps, agents, places)),
        pack(_programs(outcomes)),
        tuple(map(pack, parts)),
    )


def pack(value: object) -> str:
    """JSON, gzipped, in base64; the same text for the same value."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


def steps_of(trace: pa.Table, programs: Mapping[tuple[int, ...], str]) -> Steps:
    """The steps in a store's trace, in their order, programs by their notation.

    Steps whose program has no outcome are left out: nothing is known of it.
    """
    found: dict[str, dict[str, list[tuple[int, str, str | None]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in trace.to_pylist():
        program = programs.get(tuple(row["path"]))
        parent = row["parent_path"] and programs.get(tuple(row["parent_path"]))
        if program is not None:
            found[row["example_id"]][row["agent"]].append((row["step"], program, parent))
    ordered = {
        example: {agent: [step[1:] for step in sorted(own)] for agent, own in agents.items()}
        for example, agents in found.items()
    }
    return defaultdict(dict, ordered)


def _places(starts: np.ndarray[Any, Any]) -> list[int]:
    """The chunk of each example: a new one begins when the last is full."""
    places, chunk, begin = [], 0, 0
    for first, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        if first > begin and end - begin > CHUNK:
            chunk, begin = chunk + 1, first
        places.append(chunk)
    return places


def _index(
    outcomes: Outcomes,
    examples: Mapping[str, Example],
    steps: Steps,
    agents: Sequence[str],
    places: list[int],
) -> dict[str, Any]:
    size = outcomes.num_examples
    base = outcomes.base
    solved = outcomes.any_correct(outcomes.program >= 0)
    shortest = np.full(size, np.iinfo(np.int64).max)
    valid = outcomes.correct
    depths = outcomes.depth[outcomes.program[valid]]
    np.minimum.at(shortest, outcomes.example[valid], depths)
    known = [examples.get(id_) for id_ in outcomes.example_ids]
    return {
        "id": outcomes.example_ids,
        "level": outcomes.level.tolist(),
        "question": [example.question if example else "" for example in known],
        "answer": [example.answer if example else "" for example in known],
        "kind": np.where(base, 0, np.where(solved, 1, 2)).tolist(),
        "outcomes": np.bincount(outcomes.example, minlength=size).tolist(),
        "valid": np.bincount(outcomes.example[valid], minlength=size).tolist(),
        "shortest": np.where(solved, shortest, 0).tolist(),
        "agents": [
            [i for i, agent in enumerate(agents) if agent in steps[id_]]
            for id_ in outcomes.example_ids
        ],
        "chunk": places,
        "notation": outcomes.programs,
        "depth": outcomes.depth.tolist(),
        "identity": outcomes.identity,
    }


def _programs(outcomes: Outcomes) -> dict[str, Any]:
    """For each program how often it was tried, and which examples it answered and corrected."""
    size = len(outcomes.programs)
    valid = outcomes.correct
    corrects = valid & ~outcomes.base[outcomes.example]
    answered: list[list[int]] = [[] for _ in range(size)]
    pairs = zip(outcomes.program[valid].tolist(), outcomes.example[valid].tolist(), strict=True)
    for program, example in pairs:
        answered[program].append(example)
    return {
        "tried": np.bincount(outcomes.program, minlength=size).tolist(),
        "corrected": np.bincount(outcomes.program[corrects], minlength=size).tolist(),
        "answered": answered,
    }


def _one(
    outcomes: Outcomes,
    rows: slice,
    asked: Mapping[str, list[tuple[str, str | None]]],
    agents: Sequence[str],
) -> dict[str, Any]:
    """The outcomes of an example and its agents' steps, by the place of the outcome."""
    programs = outcomes.program[rows].tolist()
    texts: dict[int, int] = {}
    codes = [texts.setdefault(code, len(texts)) for code in outcomes.text[rows].tolist()]
    place = {outcomes.programs[program]: i for i, program in enumerate(programs)}
    return {
        "program": programs,
        "text": codes,
        "texts": [outcomes.texts[code] if code >= 0 else None for code in texts],
        "correct": outcomes.correct[rows].astype(int).tolist(),
        "source": outcomes.source[rows].tolist(),
        "steps": [
            [
                [place[program], place.get(parent, -1) if parent else -1]
                for program, parent in asked.get(agent, ())
                if program in place
            ]
            for agent in agents
        ],
    }
