"""Valid programs within a depth, needs, and accuracy by depth, against counting by hand."""

import numpy as np
import pytest
from handmade import PATHS, Row, make_outcomes, random_rows
from hypothesis import given
from hypothesis import strategies as st

from polar_search.analysis.depth import (
    BUCKETS,
    DEPTH_BUDGETS,
    attempts,
    needs,
    solved_under_budgets,
    solved_with_extra,
)
from polar_search.analysis.intervals import clustered_share, share

IDENTITY, SKIP, SKIP_TWO, LOOP, LOOP_TWO, MIXED_FULL, MIXED_SHORT = PATHS

ROWS = [
    # a needs nothing, b needs skipping, c a repeat of one layer, d of two, f both; e is unsolved.
    Row("a", IDENTITY, True), Row("a", SKIP, True), Row("a", SKIP_TWO, False),
    Row("b", IDENTITY, False), Row("b", SKIP, True), Row("b", SKIP_TWO, True),
    Row("c", IDENTITY, False), Row("c", LOOP, True), Row("c", SKIP, False),
    Row("d", IDENTITY, False), Row("d", LOOP_TWO, True), Row("d", LOOP, False),
    Row("e", IDENTITY, False), Row("e", SKIP, False),
    Row("f", IDENTITY, False), Row("f", MIXED_SHORT, True),
]  # fmt: skip


def test_examples_solved_within_a_depth():
    rows = [row for row in solved_with_extra(make_outcomes(ROWS)) if row.level == "all"]
    assert [row.layers for row in rows] == list(range(4, 13))
    assert [row.solved.count for row in rows] == [3, 4, 5, 5, 5, 5, 5, 5, 5]
    assert {row.solved.n for row in rows} == {6}
    rows = [row for row in solved_under_budgets(make_outcomes(ROWS)) if row.level == "all"]
    assert [row.layers for row in rows] == [3, 3, 4, 4, 4, 4]
    assert len(rows) == len(DEPTH_BUDGETS)


def test_needs_of_solvable_examples():
    row = needs(make_outcomes(ROWS))[-1]
    assert (row.recurrence.count, row.recurrence.n) == (3, 5)  # c, d, f
    assert (row.skipping.count, row.skipping.n) == (2, 5)  # b, f


def test_accuracy_of_what_was_tried_by_depth():
    rows = {row.percent: row.accuracy for row in attempts(make_outcomes(ROWS)) if row.level == 1}
    assert sorted(rows) == list(BUCKETS)
    assert (rows[50].count, rows[50].n) == (1, 2)  # two of four layers
    assert (rows[70].count, rows[70].n) == (3, 5)  # three of four
    assert (rows[120].count, rows[120].n) == (1, 2)  # five of four
    assert rows[100].value is None  # the identity is no attempt


def test_trials_of_one_example_are_no_independent_ones():
    alone = clustered_share(np.array([1, 0] * 50), np.ones(100, dtype=np.int64))
    together = clustered_share(np.array([10, 0] * 5), np.full(10, 10))
    assert alone.value == together.value == 0.5
    assert together.n == alone.n
    assert together.high - together.low > 3 * (alone.high - alone.low)


def test_examples_that_all_agree_know_no_more_than_as_many_single_trials():
    for hits, single in (([2, 4], [True, True]), ([0, 0, 0], [False] * 3), ([4], [True])):
        trials = np.array([max(h, 2) for h in hits])
        agreed, alone = clustered_share(np.array(hits), trials), share(np.array(single))
        assert (agreed.low, agreed.high) == (pytest.approx(alone.low), pytest.approx(alone.high))
    one = clustered_share(np.array([3]), np.array([5]))
    assert one.low < 0.2 < 0.6 < one.high


@given(seed=st.integers(0, 2**32 - 1))
def test_more_layers_never_solve_fewer_and_without_bound_all_that_is_solvable(seed):
    rows = random_rows(seed)
    solvable = {row.example for row in rows if row.correct}
    found = [r.solved.count for r in solved_with_extra(make_outcomes(rows)) if r.level == "all"]
    assert found == sorted(found)
    assert found[-1] == len(solvable)
