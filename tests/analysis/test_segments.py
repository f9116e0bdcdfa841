"""Edits of valid programs, their places, and neighbours of correcting programs, counted by hand."""

from handmade import Row, make_outcomes

from polar_search.analysis.segments import edits_of, positions, robustness, segments

D = 6
IDENTITY = (0, 1, 2, 3, 4, 5)
SKIP_0 = (1, 2, 3, 4, 5)
SKIP_0_REPEAT_45 = (1, 2, 3, 4, 5, 4, 5)
REPEAT_45 = (0, 1, 2, 3, 4, 5, 4, 5)
THRICE_3 = (0, 1, 2, 3, 3, 3, 4, 5)

ROWS = [
    # a: wrong, corrected by two programs that are one edit apart
    Row("a", IDENTITY, False),
    Row("a", SKIP_0, True),
    Row("a", REPEAT_45, False),
    Row("a", SKIP_0_REPEAT_45, True),
    # b: wrong, corrected by one edit alone
    Row("b", IDENTITY, False),
    Row("b", REPEAT_45, True),
    Row("b", SKIP_0_REPEAT_45, False),
    # c: right from the beginning
    Row("c", IDENTITY, True),
    Row("c", THRICE_3, True),
]


def the(rows, **values):
    [row] = [r for r in rows if all(getattr(r, k) == v for k, v in values.items())]
    return row


def test_edits_are_the_runs_that_are_not_kept():
    outcomes = make_outcomes(ROWS, D)
    names = dict(zip(outcomes.programs, edits_of(outcomes), strict=True))
    assert names[" ".join(map(str, IDENTITY))] == ()
    assert [tuple(e) for e in names[" ".join(map(str, SKIP_0_REPEAT_45))]] == [(0, 1, 0), (4, 2, 2)]
    assert [tuple(e) for e in names[" ".join(map(str, THRICE_3))]] == [(3, 1, 3)]


def test_segments_are_counted_over_valid_programs():
    outcomes = make_outcomes(ROWS, D)
    rows = segments(outcomes, edits_of(outcomes))
    # Valid edits: a skips 0; a skips 0 and repeats 4-5; b repeats 4-5; c runs 3 three times.
    counts = {v: the(rows, level="all", kind="layers", value=v).share for v in (1, 2, 3)}
    assert [(e.count, e.n) for e in counts.values()] == [(3, 5), (2, 5), (0, 5)]
    again = [the(rows, level="all", kind="recurrences", value=v).share.count for v in (0, 1, 2)]
    assert again == [2, 2, 1]


def test_positions_of_valid_programs_stand_beside_those_tried():
    outcomes = make_outcomes(ROWS, D)
    rows = positions(outcomes, edits_of(outcomes))
    first = {t: the(rows, level="all", edit=1, third=t) for t in ("first", "middle", "last")}
    assert [(r.valid.count, r.valid.n) for r in first.values()] == [(2, 4), (1, 4), (1, 4)]
    assert [(r.tried.count, r.tried.n) for r in first.values()] == [(3, 6), (1, 6), (2, 6)]
    second = the(rows, level="all", edit=2, third="last")
    assert (second.valid.count, second.valid.n, second.tried.n) == (1, 1, 2)


def test_neighbours_of_correcting_programs():
    outcomes = make_outcomes(ROWS, D)
    row = the(robustness(outcomes, edits_of(outcomes), outcomes.base), level="all")
    # a: without the repeat it still corrects, without the skip it does not.
    assert (row.removed.count, row.removed.n) == (1, 2)
    # a: the skip with the repeat added still corrects. b: the repeat with the skip added does not.
    assert (row.added.count, row.added.n) == (1, 2)


def test_without_corrections_nothing_is_said():
    outcomes = make_outcomes([Row("c", IDENTITY, True), Row("c", SKIP_0, False)], D)
    row = the(robustness(outcomes, edits_of(outcomes), outcomes.base), level="all")
    assert (row.removed.value, row.added.value) == (None, None)
    assert the(segments(outcomes, edits_of(outcomes)), level=1, kind="layers", value=1).share.n == 0
