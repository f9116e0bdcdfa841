"""The map of a model: what skipping or repeating each contiguous block of layers does.

Programs of one edit, over the examples on which each was tried; `agents/sweep.py` asks all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from polar_search.analysis.intervals import Estimate, gain_of
from polar_search.analysis.outcomes import Bools, Ints, Outcomes
from polar_search.program import Segment

Kind = Literal["skipped", "repeated"]
KINDS: dict[int, Kind] = {0: "skipped", 2: "repeated"}
"""By the executions of the block."""


@dataclass(frozen=True)
class BlockRow:
    """One block of layers, skipped or executed twice, the rest as it is. No oracle.

    Attributes:
        kind: what is done with the block.
        first: its first layer.
        last: its last layer.
        gain: accuracy of the program minus that of the standard pass, on the same examples.
    """

    kind: Kind
    first: int
    last: int
    gain: Estimate


def blocks(outcomes: Outcomes, edits: list[tuple[Segment, ...]]) -> tuple[BlockRow, ...]:
    """All blocks that were tried, from the edits of each program; over all levels."""
    base = outcomes.base[outcomes.example]
    counts = _per_program(
        outcomes,
        (~outcomes.correct & base, outcomes.correct == base, outcomes.correct & ~base),
    )
    rows = []
    for number, program in enumerate(edits):
        if len(program) == 1 and program[0].executions in KINDS:
            [edit] = program
            last = edit.start + edit.length - 1
            gain = gain_of(counts[number])
            rows.append(BlockRow(KINDS[edit.executions], edit.start, last, gain))
    return tuple(sorted(rows, key=lambda row: (row.kind, row.first, row.last)))


def _per_program(outcomes: Outcomes, marks: tuple[Bools, ...]) -> Ints:
    """How many outcomes of each program are marked in each way (`[P, ways]`)."""
    size = len(outcomes.programs)
    columns = [np.bincount(outcomes.program[marked], minlength=size) for marked in marks]
    return np.stack(columns, axis=1).astype(np.int64)
