"""The luck baseline: what derangements are, and that luck is what theory says."""

import numpy as np
import pytest
from handmade import PATHS, Row, grading, make_outcomes, random_rows, truth_of
from hypothesis import given
from hypothesis import strategies as st

from polar_search.analysis import derange, permuted_correct, summarize

IDENTITY = PATHS[0]


def everything_right(pairs):
    return [True] * len(pairs)


@given(level=st.lists(st.integers(1, 3), min_size=1, max_size=30), seed=st.integers(0, 99))
def test_derangement_stays_in_the_level_and_moves_everyone_it_can(level, seed):
    level = np.array(level)
    other = derange(level, np.random.default_rng(seed))
    assert sorted(other) == list(range(len(level)))
    assert (level[other] == level).all()
    alone = np.bincount(level)[level] == 1
    assert ((other == np.arange(len(level))) == alone).all()


def test_derangement_repeats_under_its_seed_and_moves_with_it():
    level = np.ones(50, int)
    one, same, other = (derange(level, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert (one == same).all()
    assert (one != other).any()


@given(seed=st.integers(0, 2**32 - 1))
def test_permuted_verdicts_equal_grading_every_row(seed):
    rows = random_rows(seed)
    outcomes, truth = make_outcomes(rows), truth_of(rows)
    other = derange(outcomes.level, np.random.default_rng(seed))
    expected = [
        truth[outcomes.example_ids[other[e]]] == outcomes.texts[t]
        for e, t in zip(outcomes.example, outcomes.text, strict=True)
    ]
    assert permuted_correct(outcomes, grading(truth), other).tolist() == expected


def test_each_pair_of_answer_and_text_is_graded_once():
    outcomes = make_outcomes([Row(e, p, True, text=t) for e, t in ("ax", "by") for p in PATHS])
    asked = []

    def grade(pairs):
        asked.extend(pairs)
        return [False] * len(pairs)

    permuted_correct(outcomes, grade, np.array([1, 0]))
    assert sorted(asked) == [("a", "y"), ("b", "x")]


def test_luck_with_two_answers_is_what_theory_says():
    """Random texts among two answers: k programs meet an unrelated answer with 1 - 1/2**k."""
    rng = np.random.default_rng(0)
    examples, programs = 1000, PATHS[:5]  # the identity, two skips, two loops
    truth = {f"e{e}": str(rng.integers(2)) for e in range(examples)}
    rows = [
        Row(e, path, text == answer, text=text)
        for e, answer in truth.items()
        for path in programs
        for text in [answer if path == IDENTITY else str(rng.integers(2))]
    ]
    statistics = summarize(make_outcomes(rows), grading(truth))
    row = statistics.accuracy[-1]
    assert row.base.value == row.both.value == 1.0
    assert row.base.luck == pytest.approx(1 / 2, abs=0.03)
    assert row.skip.luck == pytest.approx(1 - 1 / 2**3, abs=0.03)
    assert row.loop.luck == pytest.approx(1 - 1 / 2**3, abs=0.03)
    assert row.both.luck == pytest.approx(1 - 1 / 2**5, abs=0.02)
    assert row.gain.luck == pytest.approx(row.both.luck - row.base.luck)


def test_luck_of_shorter_programs_needs_texts_that_vary():
    """Programs that all say the same are valid together; an unrelated answer is met by none."""
    truth = {f"e{e}": str(e) for e in range(40)}
    rows = [Row(e, path, True, text=t) for e, t in truth.items() for path in PATHS]
    row = summarize(make_outcomes(rows), grading(truth)).shorter[-1]
    assert (row.correct_shorter.value, row.correct_shorter.luck) == (1.0, 0.0)


def test_level_with_one_example_has_no_luck():
    rows = [
        Row(e, path, False, level)
        for e, level in (("a", 1), ("b", 1), ("c", 2))
        for path in PATHS
    ]  # fmt: skip
    pair, alone, everything = summarize(make_outcomes(rows), everything_right).accuracy
    assert (pair.both.luck, alone.both.luck, everything.both.luck) == (1.0, None, None)


def test_level_with_unknown_texts_has_no_luck():
    rows = [
        Row(e, path, False, level, text=None if e == "c" else "x", source=source)
        for e, level, source in (
            ("a", 1, "executed"),
            ("b", 1, "executed"),
            ("c", 2, "imported"),
            ("d", 2, "imported"),
        )
        for path in PATHS
    ]
    known, unknown, everything = summarize(make_outcomes(rows), everything_right).accuracy
    assert (known.both.luck, unknown.both.luck, everything.both.luck) == (1.0, None, None)
