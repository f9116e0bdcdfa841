"""Two runs against each other, counted by hand."""

import pytest
from handmade import Row, make_outcomes

from polar_search.analysis.agreement import agreement
from polar_search.errors import RunError

ID, S, R = (0, 1, 2, 3), (0, 1, 3), (0, 1, 1, 2, 3)
OURS = [
    Row("a", ID, True, 1, "x"),
    Row("a", S, False, 1, "y"),
    Row("b", ID, True, 2, "z"),
    Row("b", R, False, 2, None),
    Row("only ours", ID, True, 2, "z"),
]
THEIRS = [
    Row("b", R, True, 2, "w"),
    Row("b", ID, True, 2, "z"),
    Row("b", S, True, 2, "never ours"),
    Row("a", S, False, 1, "other"),
    Row("a", ID, False, 1, "q"),
    Row("0 only theirs", ID, True, 3, "q"),
]


def test_flips_and_texts_are_those_of_common_outcomes():
    rows = {r.level: r for r in agreement(make_outcomes(OURS), make_outcomes(THEIRS))}
    every = rows["all"]
    assert every.examples == 2
    assert (every.flipped.count, every.flipped.n) == (2, 4)
    assert (every.lost.count, every.lost.n) == (1, 2)
    assert (every.won.count, every.won.n) == (1, 2)
    assert (every.other_text.count, every.other_text.n) == (2, 3)
    assert (rows[1].flipped.count, rows[1].flipped.n) == (1, 2)


def test_a_run_agrees_with_itself():
    every = agreement(make_outcomes(OURS), make_outcomes(OURS))[-1]
    assert (every.flipped.count, every.flipped.n) == (0, 5)
    assert every.other_text.count == 0


def test_runs_that_cannot_be_compared_are_refused():
    with pytest.raises(RunError, match="none in common"):
        agreement(make_outcomes(OURS), make_outcomes([Row("z", ID, True)]))
    with pytest.raises(RunError, match="received 4 and 5 layers"):
        agreement(make_outcomes(OURS), make_outcomes([Row("a", (0, 1, 2, 3, 4), True)], 5))
