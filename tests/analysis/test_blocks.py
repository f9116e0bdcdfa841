"""The map of a model: single blocks, counted by hand."""

from handmade import Row, make_outcomes

from polar_search.analysis.blocks import blocks
from polar_search.analysis.segments import edits_of

IDENTITY = (0, 1, 2, 3)
SKIP_12 = (0, 3)
TWICE_12 = (0, 1, 2, 1, 2, 3)
THRICE_1 = (0, 1, 1, 1, 2, 3)
SKIP_0_AND_3 = (1, 2)


def test_a_block_is_compared_with_the_standard_pass_on_its_own_examples():
    rows = [
        *(
            Row(example, IDENTITY, right)
            for example, right in zip("abcd", (0, 0, 1, 1), strict=True)
        ),
        *(Row(example, SKIP_12, right) for example, right in zip("abc", (1, 1, 0), strict=True)),
        *(Row(example, TWICE_12, right) for example, right in zip("bd", (0, 0), strict=True)),
        # Neither three executions nor two edits are one block skipped or repeated.
        Row("a", THRICE_1, True),
        Row("a", SKIP_0_AND_3, True),
    ]
    outcomes = make_outcomes([Row(r.example, r.path, bool(r.correct)) for r in rows])
    repeated, skipped = blocks(outcomes, edits_of(outcomes))
    assert (repeated.kind, repeated.first, repeated.last) == ("repeated", 1, 2)
    assert (repeated.gain.count, repeated.gain.n) == (-1, 2)
    assert (skipped.kind, skipped.first, skipped.last) == ("skipped", 1, 2)
    assert (skipped.gain.count, skipped.gain.n) == (1, 3)
    assert skipped.gain.low <= 1 / 3 <= skipped.gain.high
