"""Base and oracles: hand-made outcomes, and what must hold for any outcomes."""

import numpy as np
import pytest
from handmade import PATHS, Row, make_outcomes, random_rows
from hypothesis import given
from hypothesis import strategies as st

from polar_search.analysis import accuracy, search_budget

IDENTITY, SKIP, _, LOOP, _, MIXED_FULL, MIXED_SHORT = PATHS


def test_hand_made_outcomes():
    rows = [
        # a: right as it is; b: a skip corrects; c: a loop corrects; d: only a mixture corrects,
        # as deep as the model; e: only a shorter mixture corrects; f: nothing does.
        Row("a", IDENTITY, True), Row("a", SKIP, False),
        Row("b", IDENTITY, False), Row("b", SKIP, True), Row("b", LOOP, False),
        Row("c", IDENTITY, False), Row("c", SKIP, False), Row("c", LOOP, True),
        Row("d", IDENTITY, False), Row("d", MIXED_FULL, True), Row("d", SKIP, False),
        Row("e", IDENTITY, False, level=2), Row("e", MIXED_SHORT, True, level=2),
        Row("f", IDENTITY, False, level=2), Row("f", LOOP, False, level=2),
    ]  # fmt: skip
    one, two, everything = accuracy(make_outcomes(rows))
    assert (one.level, two.level, everything.level) == (1, 2, "all")

    def counts(row):
        return [e.count for e in (row.base, row.skip, row.loop, row.both, row.gain)]

    assert counts(one) == [1, 2, 2, 4, 3]
    assert counts(two) == [0, 0, 0, 1, 1]
    assert counts(everything) == [1, 2, 2, 5, 4]
    assert [row.base.n for row in (one, two, everything)] == [4, 2, 6]
    assert everything.gain.value == pytest.approx(4 / 6)


def test_an_order_of_all_layers_is_neither_skip_nor_loop():
    rows = [Row("a", IDENTITY, False), Row("a", (0, 2, 1, 3), True)]
    row = accuracy(make_outcomes(rows))[-1]
    assert (row.skip.count, row.loop.count, row.both.count) == (0, 0, 1)


@given(seed=st.integers(0, 2**32 - 1))
def test_oracles_are_ordered_and_levels_add_up(seed):
    *levels, everything = accuracy(make_outcomes(random_rows(seed)))
    for row in (*levels, everything):
        assert row.base.count <= min(row.skip.count, row.loop.count)
        assert max(row.skip.count, row.loop.count) <= row.both.count
        assert row.gain.count == row.both.count - row.base.count
    for name in ("base", "skip", "loop", "both"):
        total = getattr(everything, name)
        assert total.count == sum(getattr(row, name).count for row in levels)
        assert total.n == sum(getattr(row, name).n for row in levels) == 30


@given(seed=st.integers(0, 2**32 - 1))
def test_oracles_equal_a_plain_loop_over_the_rows(seed):
    rows = random_rows(seed)
    row = accuracy(make_outcomes(rows))[-1]
    skip, loop, both = set(), set(), set()
    for r in (r for r in rows if r.correct):
        both.add(r.example)
        if r.path == IDENTITY or (len(set(r.path)) == len(r.path) < 4):
            skip.add(r.example)
        if len(set(r.path)) == 4:
            loop.add(r.example)
    assert [row.skip.count, row.loop.count, row.both.count] == [len(skip), len(loop), len(both)]


def test_budget_counts():
    rows = [
        Row("a", IDENTITY, True), Row("a", SKIP, True), Row("a", LOOP, False),
        Row("b", IDENTITY, False),
        Row("c", IDENTITY, True, level=2), Row("c", SKIP, False, level=2),
    ]  # fmt: skip
    one, two, everything = search_budget(make_outcomes(rows))
    assert (one.examples, one.outcomes, one.valid) == (2, 4, 2)
    assert (one.programs_min, one.programs_median, one.programs_max) == (1, 2.0, 3)
    assert (two.examples, two.outcomes, two.valid) == (1, 2, 1)
    assert (everything.examples, everything.outcomes, everything.valid) == (3, 6, 3)
    assert everything.programs_median == np.median([3, 1, 2])
