"""Agreement of two runs: what the same programs answered to the same examples, twice.

Two runs of one model in another precision, batch or version agree less than one may think; how much
less is the noise under every statistic of either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polar_search.analysis.intervals import Estimate, clustered_share
from polar_search.analysis.outcomes import Bools, Ints, Level, Outcomes
from polar_search.errors import RunError


@dataclass(frozen=True)
class AgreementRow:
    """Outcomes that both runs hold, at one level; intervals are clustered by example.

    Attributes:
        level: the level, or "all".
        examples: examples that both runs hold outcomes of.
        flipped: share of the common outcomes whose verdict differs.
        lost: share of those correct in the first run that are wrong in the second.
        won: share of those wrong in the first run that are correct in the second.
        other_text: share of the common outcomes with both texts known whose text differs.
    """

    level: Level
    examples: int
    flipped: Estimate
    lost: Estimate
    won: Estimate
    other_text: Estimate


def agreement(ours: Outcomes, theirs: Outcomes) -> tuple[AgreementRow, ...]:
    """How often the verdicts and texts of two runs differ, per level (of `ours`) and over all.

    Raises:
        RunError: The runs are of models of other depths, or have no outcome in common.
    """
    if ours.num_layers != theirs.num_layers:
        raise RunError(
            f"expected two runs of models of one depth, received {ours.num_layers} and "
            f"{theirs.num_layers} layers; compare runs of one model"
        )
    mine, other = _common(ours, theirs)
    if not len(mine):
        raise RunError(
            "expected two runs with outcomes of the same examples and programs, received none in "
            "common; compare runs of one task and one program space"
        )
    before, after = ours.correct[mine], theirs.correct[other]
    known = (ours.text[mine] >= 0) & (theirs.text[other] >= 0)
    other_text = _texts(ours, mine) != _texts(theirs, other)
    example = ours.example[mine]
    everything = np.ones(len(mine), dtype=np.bool_)
    return tuple(
        AgreementRow(
            level,
            examples=len(np.unique(example[examples[example]])),
            flipped=_share(example, examples, before != after, everything),
            lost=_share(example, examples, ~after, before),
            won=_share(example, examples, after, ~before),
            other_text=_share(example, examples, other_text, known),
        )
        for level, examples in ours.scopes()
    )


def _common(ours: Outcomes, theirs: Outcomes) -> tuple[Ints, Ints]:
    """Rows of both runs that hold one example and program."""
    example_of = {name: code for code, name in enumerate(ours.example_ids)}
    program_of = {name: code for code, name in enumerate(ours.programs)}
    example = np.array([example_of.get(name, -1) for name in theirs.example_ids], dtype=np.int64)
    program = np.array([program_of.get(name, -1) for name in theirs.programs], dtype=np.int64)
    both = (example[theirs.example] >= 0) & (program[theirs.program] >= 0)
    rows = np.flatnonzero(both)
    key = example[theirs.example[rows]] * len(ours.programs) + program[theirs.program[rows]]
    own = ours.example * len(ours.programs) + ours.program
    _, mine, found = np.intersect1d(own, key, assume_unique=True, return_indices=True)
    return mine, rows[found]


def _texts(outcomes: Outcomes, rows: Ints) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    texts = np.array([*outcomes.texts, ""], dtype=object)  # -1, no text, is the last one
    chosen: np.ndarray[tuple[int], np.dtype[np.object_]] = texts[outcomes.text[rows]]
    return chosen


def _share(example: Ints, examples: Bools, hits: Bools, among: Bools) -> Estimate:
    """The share of the rows `among` the marked ones that hit, over the marked `examples`."""
    size = len(examples)
    tried = np.bincount(example[among], minlength=size)[examples]
    hit = np.bincount(example[among & hits], minlength=size)[examples]
    return clustered_share(hit[tried > 0], tried[tried > 0])
