"""Static programs and menus: greedy choice, and folds that never see what they score."""

from itertools import combinations

import numpy as np
import pytest
from handmade import PATHS, Row, make_outcomes
from hypothesis import given
from hypothesis import strategies as st

from polar_search.analysis import best_menus
from polar_search.analysis.menus import fold_of, greedy_cover

IDENTITY, SKIP, SKIP_TWO, LOOP, LOOP_TWO = PATHS[:5]
FOLD = [[e for e in (f"e{i}" for i in range(60)) if fold_of(e) == f] for f in (0, 1)]


def name(path):
    return " ".join(map(str, path))


@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([1, 2, 3]))
def test_greedy_cover_against_brute_force(seed, size):
    rng = np.random.default_rng(seed)
    verdicts = rng.random((12, 6)) < rng.random()
    chosen = greedy_cover(verdicts, size)
    covered = verdicts[:, chosen].any(axis=1).sum()
    best = max(verdicts[:, list(c)].any(axis=1).sum() for c in combinations(range(6), size))
    assert len(set(chosen)) == len(chosen) <= size
    assert (1 - 1 / np.e) * best <= covered <= best  # the bound of greedy set cover
    if size == 1:
        assert covered == best
    if len(chosen) < size:
        assert covered == verdicts.any(axis=1).sum()  # it ends early only when all is covered


def test_greedy_cover_prefers_earlier_columns():
    verdicts = np.array([[0, 1, 1], [0, 1, 1]], bool)
    assert greedy_cover(verdicts, 3) == [1]
    assert greedy_cover(np.zeros((2, 3), bool), 3) == []


def test_folds_are_stable_and_about_even():
    assert [fold_of(e) for e in ("e0", "e1", "e2", "e3")] == [0, 1, 0, 0]  # sha256sum agrees
    halves = np.mean([fold_of(f"train-{i}") for i in range(4000)])
    assert halves == pytest.approx(0.5, abs=0.03)


def crossed_rows():
    """On fold 0 the skip is right, on fold 1 the loop, so what one fold chooses fails the other."""
    return [
        row
        for fold, examples in enumerate(FOLD)
        for e in examples
        for row in (
            Row(e, IDENTITY, False),
            Row(e, SKIP, fold == 0),
            Row(e, LOOP, fold == 1),
        )
    ]


def test_programs_are_scored_on_the_examples_that_did_not_choose_them():
    static, two, five = best_menus(make_outcomes(crossed_rows()))[-3:]
    assert static.menus == ((name(LOOP),), (name(SKIP),))
    assert (static.accuracy.count, static.accuracy.n, static.qualified) == (0, 60, 3)
    assert two.menus == five.menus == static.menus  # nothing is left to cover
    assert static.mean_depth == (5 * len(FOLD[0]) + 3 * len(FOLD[1])) / 60


def test_choice_ignores_the_verdicts_it_is_scored_on():
    rng = np.random.default_rng(0)
    outcomes = make_outcomes(
        [Row(e, path, bool(rng.random() < 0.4)) for f in FOLD for e in f for path in PATHS]
    )
    row_fold = np.array([fold_of(e) for e in outcomes.example_ids])[outcomes.example]
    before = best_menus(outcomes)[-1]
    for scored in (0, 1):
        noise = rng.random(len(row_fold)) < 0.5
        others = outcomes.with_verdicts(np.where(row_fold == scored, noise, outcomes.correct))
        after = best_menus(others)[-1]
        assert after.menus[scored] == before.menus[scored]
        assert after.menus[1 - scored] != before.menus[1 - scored]


def test_hand_made_menu_of_two():
    """The skip answers two thirds, the loop the rest, on both folds alike."""
    rows = [
        row
        for examples in FOLD
        for i, e in enumerate(examples)
        for row in (
            Row(e, IDENTITY, i % 6 == 0),
            Row(e, SKIP, i % 3 != 0),
            Row(e, LOOP, i % 3 == 0),
            Row(e, LOOP_TWO, False),
        )
    ]
    static, two, _ = best_menus(make_outcomes(rows))[-3:]
    assert static.menus == ((name(SKIP),),) * 2
    assert two.menus == ((name(SKIP), name(LOOP)),) * 2
    assert two.accuracy.value == 1.0
    thirds = sum(i % 3 != 0 for examples in FOLD for i, _ in enumerate(examples))
    sixths = sum(i % 6 == 0 for examples in FOLD for i, _ in enumerate(examples))
    assert static.accuracy.count == thirds
    assert static.gain.count == thirds - sixths
    assert (static.mean_depth, two.mean_depth) == (3.0, 4.0)


def test_only_programs_executed_for_every_example_qualify():
    rows = [
        Row(e, path, path != IDENTITY, level=1 + fold)
        for fold, examples in enumerate(FOLD)
        for i, e in enumerate(examples)
        for path in (IDENTITY, SKIP, LOOP)
        if path == IDENTITY or (path == LOOP and fold == 0) or (path == SKIP and i > 0)
    ]
    by_level = {row.level: row for row in best_menus(make_outcomes(rows)) if row.size == 1}
    assert by_level[1].qualified == 2  # the identity and the loop
    assert by_level["all"].qualified == 1
    assert by_level["all"].menus == ((name(IDENTITY),),) * 2
    assert by_level["all"].gain.value == 0.0


def test_equal_programs_are_told_apart_by_depth():
    rows = [Row(e, p, True) for f in FOLD for e in f for p in (LOOP, IDENTITY, SKIP, SKIP_TWO)]
    assert best_menus(make_outcomes(rows))[-3].menus == ((name(SKIP_TWO),),) * 2


def test_level_within_one_fold_has_no_menu():
    rows = [Row(FOLD[0][0], IDENTITY, True), Row(FOLD[0][1], IDENTITY, True)]
    for row in best_menus(make_outcomes(rows)):
        assert row.menus == ((), ())
        assert row.accuracy.value is row.gain.value is row.mean_depth is None
        assert row.accuracy.n == 0
