"""The curve of an oracle over its budget, against all subsets and by its ends."""

from itertools import combinations

import numpy as np
import pytest
from handmade import PATHS, Row, make_outcomes, random_rows

from polar_search.analysis.accuracy import accuracy
from polar_search.analysis.curve import budget_curve

FULL = [
    Row(e, path, verdict)
    for e, verdicts in {"a": "0100110", "b": "0000000", "c": "1000000", "d": "0000001"}.items()
    for path, verdict in zip(PATHS, (v == "1" for v in verdicts), strict=True)
]


@pytest.mark.parametrize("k", [0, 1, 2, 5, 6])
def test_the_curve_is_the_mean_over_all_subsets(k):
    edited = {e: [r.correct for r in FULL if r.example == e][1:] for e in "abcd"}
    base = {"a": False, "b": False, "c": True, "d": False}
    expected = np.mean(
        [np.mean([base[e] or any(subset) for subset in combinations(edited[e], k)]) for e in "abcd"]
    )
    [row] = [r for r in budget_curve(make_outcomes(FULL)) if (r.level, r.programs) == ("all", k)]
    assert row.solved.value == pytest.approx(expected)
    assert row.solved.n == 4


def test_the_curve_begins_at_the_standard_pass_and_ends_at_the_oracle():
    [table] = accuracy(make_outcomes(FULL))[-1:]
    rows = [row for row in budget_curve(make_outcomes(FULL)) if row.level == "all"]
    for end, expected in ((rows[0].solved, table.base), (rows[-1].solved, table.both)):
        parts = ("value", "low", "high", "count", "n")
        assert [getattr(end, part) for part in parts] == pytest.approx(
            [getattr(expected, part) for part in parts]
        )


def test_the_curve_ends_where_some_example_has_no_more_programs():
    rows = budget_curve(make_outcomes(random_rows(0)))
    values = [row.solved.value for row in rows if row.level == "all"]
    assert values == sorted(values)
