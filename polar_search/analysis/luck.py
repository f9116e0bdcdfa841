"""The luck baseline: what an oracle reaches when the answers have nothing to do with the inputs.

Among many programs and few possible answers some program is right by chance. Luck is measured
with the same programs and the same texts: the texts of each example are graded against the answer
of another example of its level, and every statistic is computed again from those verdicts. Two
examples may have the same answer; such hits are part of luck and stay in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import TypeAlias, TypeVar

import numpy as np

from polar_search.analysis.accuracy import AccuracyRow
from polar_search.analysis.coverage import CoverageRow
from polar_search.analysis.curve import CurveRow
from polar_search.analysis.depth import AttemptRow, NeedRow, WithinRow
from polar_search.analysis.intervals import Estimate, Mean
from polar_search.analysis.menus import MenuRow
from polar_search.analysis.outcomes import Bools, Ints, Level, Outcomes
from polar_search.analysis.segments import PositionRow, RobustnessRow, SegmentRow
from polar_search.analysis.shorter import ShorterRow

Grade: TypeAlias = Callable[[Sequence[tuple[str, str]]], Sequence[bool]]
"""`grade(pairs)`: for each example id and text, whether the text answers that example."""

Row = TypeVar(
    "Row",
    AccuracyRow,
    AttemptRow,
    CoverageRow,
    CurveRow,
    MenuRow,
    NeedRow,
    PositionRow,
    RobustnessRow,
    SegmentRow,
    ShorterRow,
    WithinRow,
)


def derange(level: Ints, rng: np.random.Generator) -> Ints:
    """For each example (`[E]`) another one of its level, each of them once.

    The examples of a level are put on a ring in random order and take the next one's place, so
    only an example that is alone in its level keeps its own.
    """
    other = np.arange(len(level))
    for value in np.unique(level):
        ring = rng.permutation(np.flatnonzero(level == value))
        other[ring] = np.roll(ring, 1)
    return other


def permuted_correct(outcomes: Outcomes, grade: Grade, derangement: Ints) -> Bools:
    """Verdicts (`[N]`) of the texts against the answers of other examples.

    Args:
        outcomes: the outcomes; those without a text count as wrong.
        grade: called once, with each distinct pair of an answer and a text.
        derangement: `[E]`, the example whose answer each example is graded against.
    """
    correct = np.zeros(len(outcomes.example), dtype=np.bool_)
    known = outcomes.text >= 0
    num_texts = len(outcomes.texts)
    key = derangement[outcomes.example[known]] * num_texts + outcomes.text[known]
    pairs, pair_of_row = np.unique(key, return_inverse=True)
    verdicts = grade(
        [
            (outcomes.example_ids[answer], outcomes.texts[text])
            for answer, text in (divmod(pair, num_texts) for pair in pairs.tolist())
        ]
    )
    correct[known] = np.array(verdicts, dtype=np.bool_)[pair_of_row]
    return correct


def levels_with_luck(outcomes: Outcomes) -> set[Level]:
    """Levels of at least two examples whose every text is known; "all" if every level is one."""
    textless = np.zeros(outcomes.num_examples, dtype=np.bool_)
    textless[outcomes.example[outcomes.text < 0]] = True
    levels: set[Level] = {
        level
        for level, examples in outcomes.scopes()
        if np.count_nonzero(examples) > 1 and not textless[examples].any()
    }
    every_level = {level for level, _ in outcomes.scopes()}
    return levels if levels == every_level else levels - {"all"}


def with_luck(
    rows: Sequence[Row], draws: Sequence[Sequence[Row]], levels: set[Level]
) -> tuple[Row, ...]:
    """The rows with the luck of each estimate filled in, at the levels that have one.

    Args:
        rows: a table computed from the true verdicts.
        draws: the same table, row by row, under each derangement.
        levels: where luck is defined.
    """
    return tuple(
        _with_row_luck(row, [draw[i] for draw in draws]) if row.level in levels else row
        for i, row in enumerate(rows)
    )


def _with_row_luck(row: Row, permuted: Sequence[Row]) -> Row:
    luck = {
        field.name: replace(
            getattr(row, field.name), luck=_pool([getattr(draw, field.name) for draw in permuted])
        )
        for field in fields(row)
        if isinstance(getattr(row, field.name), Estimate | Mean)
    }
    return replace(row, **luck)


def _pool(estimates: Sequence[Estimate | Mean]) -> float | None:
    """The value over all draws together: where n differs, a mean of ratios would be noisier."""
    n = sum(estimate.n for estimate in estimates)
    return sum((estimate.value or 0.0) * estimate.n for estimate in estimates) / n if n else None
