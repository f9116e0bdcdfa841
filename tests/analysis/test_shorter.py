"""Shorter and correcting programs on hand-made outcomes and against a plain loop."""

import numpy as np
import pytest
from handmade import PATHS, Row, make_outcomes, random_rows
from hypothesis import given
from hypothesis import strategies as st

from polar_search.analysis import shorter_programs

IDENTITY, SKIP, SKIP_TWO, LOOP, _, MIXED_FULL, MIXED_SHORT = PATHS


def test_hand_made_outcomes():
    rows = [
        # C->C: a has shorter valid programs of 3 and 2 layers, b none.
        Row("a", IDENTITY, True), Row("a", SKIP, True), Row("a", SKIP_TWO, True),
        Row("b", IDENTITY, True), Row("b", SKIP, False), Row("b", LOOP, True),
        # W->C: c by a loop (5 layers), d by a short mixture (3), e at full depth; f stays wrong.
        Row("c", IDENTITY, False), Row("c", SKIP, False), Row("c", LOOP, True),
        Row("d", IDENTITY, False), Row("d", MIXED_SHORT, True), Row("d", LOOP, True),
        Row("e", IDENTITY, False), Row("e", MIXED_FULL, True),
        Row("f", IDENTITY, False), Row("f", LOOP, False),
    ]  # fmt: skip
    outcomes = make_outcomes(rows)
    row = shorter_programs(outcomes, outcomes.base)[-1]
    assert (row.correct_shorter.count, row.correct_shorter.n) == (1, 2)
    assert (row.corrected.count, row.corrected.n) == (3, 4)
    assert (row.corrected_shorter.count, row.corrected_shorter.n) == (1, 3)
    assert row.correct_depth.value == (2 + 4) / 2
    assert row.corrected_depth.value == (5 + 3 + 4) / 3


def test_levels_without_wrong_or_correct_examples_have_no_values():
    rows = [Row("a", IDENTITY, True, level=1), Row("b", IDENTITY, False, level=2)]
    outcomes = make_outcomes(rows)
    right, wrong, _ = shorter_programs(outcomes, outcomes.base)
    assert (right.correct_shorter.value, right.correct_depth.value) == (0.0, 4.0)
    assert (
        right.corrected.value
        is right.corrected_shorter.value
        is right.corrected_depth.value
        is None
    )
    assert wrong.corrected.value == 0.0
    assert wrong.correct_shorter.value is wrong.corrected_shorter.value is None
    assert wrong.correct_depth.value is wrong.corrected_depth.value is None


def test_examples_stay_split_as_told_when_verdicts_are_others():
    rows = [
        Row("right", IDENTITY, True), Row("right", SKIP, True),
        Row("wrong", IDENTITY, False), Row("wrong", SKIP, False),
    ]  # fmt: skip
    outcomes = make_outcomes(rows)
    base = outcomes.base
    flipped = outcomes.with_verdicts(~outcomes.correct)
    row = shorter_programs(flipped, base)[-1]
    assert (row.correct_shorter.count, row.correct_shorter.n) == (0, 1)
    assert (row.corrected.count, row.corrected.n) == (1, 1)
    identity_only = outcomes.with_verdicts(np.array([True, False, True, False]))
    assert shorter_programs(identity_only, base)[-1].corrected.count == 0


@given(seed=st.integers(0, 2**32 - 1))
def test_equal_to_a_plain_loop_over_the_rows(seed):
    rows = random_rows(seed)
    outcomes = make_outcomes(rows)
    row = shorter_programs(outcomes, outcomes.base)[-1]
    valid = {}
    for r in rows:
        valid.setdefault(r.example, []).extend([r.path] if r.correct else [])
    correct = [paths for paths in valid.values() if IDENTITY in paths]
    corrected = [paths for paths in valid.values() if paths and IDENTITY not in paths]
    depths = [min(map(len, paths)) for paths in correct]
    corrected_depths = [min(map(len, paths)) for paths in corrected]
    assert row.correct_shorter.count == sum(depth < 4 for depth in depths)
    assert (row.corrected.count, row.corrected.n) == (len(corrected), 30 - len(correct))
    assert row.corrected_shorter.count == sum(depth < 4 for depth in corrected_depths)
    assert row.correct_depth.value == (pytest.approx(np.mean(depths)) if depths else None)
    assert row.corrected_depth.value == (
        pytest.approx(np.mean(corrected_depths)) if corrected_depths else None
    )


def test_distinct_layers_are_those_of_the_shortest_program():
    rows = [
        Row("a", (0, 1, 2, 3), True),
        Row("a", (0, 1, 3), True),
        Row("a", (1, 1, 3), True),  # as short, with fewer distinct layers
        Row("b", (0, 1, 2, 3), False),
        Row("b", (0, 1, 1, 2, 3), True),
        Row("c", (0, 1, 2, 3), True),
    ]
    outcomes = make_outcomes(rows)
    row = shorter_programs(outcomes, outcomes.base)[-1]
    assert (row.correct_depth.value, row.correct_unique.value) == (3.5, 3.0)
    assert (row.corrected_depth.value, row.corrected_unique.value) == (5.0, 4.0)
