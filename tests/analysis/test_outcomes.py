"""The numpy view: codes, trust among sources, and what it refuses."""

import numpy as np
import pyarrow as pa
import pytest
from handmade import PATHS, Row, make_outcomes, make_table, random_rows

from polar_search.analysis import Outcomes
from polar_search.analysis.runs import read_for_statistics
from polar_search.errors import RunError
from polar_search.search.store import FINGERPRINTS, OUTCOME_SCHEMA, write_part

IDENTITY = PATHS[0]


def test_programs_are_measured_by_their_paths():
    outcomes = make_outcomes([Row("a", path, True) for path in PATHS])
    by_name = {
        name: (int(depth), int(unique))
        for name, depth, unique in zip(
            outcomes.programs, outcomes.depth, outcomes.unique_depth, strict=True
        )
    }
    assert by_name == {
        "0 1 2 3": (4, 4),
        "0 1 3": (3, 3),
        "0 3": (2, 2),
        "0 1 1 2 3": (5, 4),
        "0 1 2 1 2 3": (6, 4),
        "0 1 1 3": (4, 3),
        "1 1 3": (3, 2),
    }
    assert outcomes.programs[outcomes.identity] == "0 1 2 3"


def test_permutation_of_all_layers_is_not_the_identity():
    outcomes = make_outcomes([Row("a", (0, 2, 1, 3), True), Row("a", IDENTITY, False)])
    assert outcomes.programs[outcomes.identity] == "0 1 2 3"
    assert not outcomes.base[0]


@pytest.mark.parametrize("seed", range(5))
def test_order_and_chunks_of_the_rows_do_not_matter(seed):
    rows = random_rows(seed)
    shuffled = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
    one = Outcomes.from_table(make_table(rows), 4)
    other = Outcomes.from_table(make_table(shuffled, chunk=7), 4)
    for name in Outcomes.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_most_trusted_source_wins():
    rows = [
        Row("a", IDENTITY, True, source="imported", text=None),
        Row("a", IDENTITY, False, source="confirmed", text="c"),
        Row("a", IDENTITY, True, source="executed", text="e"),
        Row("b", IDENTITY, False, source="imported", text=None),
        Row("b", IDENTITY, True, source="executed", text="e"),
    ]
    for order in ([0, 1, 2, 3, 4], [4, 2, 0, 1, 3], [3, 4, 1, 2, 0]):
        outcomes = make_outcomes([rows[i] for i in order])
        assert outcomes.correct.tolist() == [False, True]
        assert [outcomes.texts[t] for t in outcomes.text] == ["c", "e"]


def test_scopes_are_the_levels_and_all():
    outcomes = make_outcomes(
        [Row(e, IDENTITY, True, level) for e, level in (("a", 5), ("b", 2), ("c", 5))]
    )
    assert [(level, mask.tolist()) for level, mask in outcomes.scopes()] == [
        (2, [False, True, False]),
        (5, [True, False, True]),
        ("all", [True, True, True]),
    ]


def test_no_outcomes_are_refused():
    with pytest.raises(RunError, match=r"at least one outcome, received none; run `polar-search"):
        make_outcomes([])


def test_missing_columns_are_named():
    table = make_table([Row("a", IDENTITY, True)]).drop_columns(["path", "source"])
    with pytest.raises(RunError, match="received none named path, source"):
        Outcomes.from_table(table, 4)


def test_empty_cells_are_refused_but_for_texts():
    assert make_outcomes([Row("a", IDENTITY, True, text=None)]).text.tolist() == [-1]
    table = make_table([Row("a", IDENTITY, True)])
    table = table.set_column(6, "correct", pa.array([None], pa.bool_()))
    with pytest.raises(RunError, match="every cell of 'correct', received 1 empty"):
        Outcomes.from_table(table, 4)


def test_run_without_identity_is_refused():
    with pytest.raises(RunError, match="received 1 programs and 0 identities"):
        make_outcomes([Row("a", (0, 1, 3), True)])


def test_example_without_identity_is_named():
    rows = [Row("a", IDENTITY, True), Row("b", (0, 1, 3), True), Row("c", (0, 1, 3), True)]
    with pytest.raises(RunError, match=r"none for 2 of 3 \(first: 'b'\); continue the search"):
        make_outcomes(rows)


def test_paths_of_a_deeper_model_are_refused():
    rows = [Row("a", IDENTITY, True), Row("a", (0, 1, 7), True)]
    with pytest.raises(RunError, match="over 4 layers, received layer 7 in program '0 1 7'"):
        make_outcomes(rows)


def test_paths_of_a_shallower_model_are_refused():
    with pytest.raises(RunError, match="expected the identity of 5 layers"):
        make_outcomes([Row("a", IDENTITY, True)], num_layers=5)


def test_two_levels_for_an_example_are_refused():
    rows = [Row("a", IDENTITY, True, level=1), Row("a", (0, 1, 3), True, level=2)]
    with pytest.raises(RunError, match=r"one level an example, received . and . for example 'a'"):
        make_outcomes(rows)


def test_pair_twice_from_one_source_is_refused():
    rows = [Row("a", IDENTITY, True), Row("a", IDENTITY, False)]
    with pytest.raises(RunError, match="one model, task and decoding"):
        make_outcomes(rows)


def test_unknown_source_is_refused():
    with pytest.raises(RunError, match="received 'dreamt'"):
        make_outcomes([Row("a", IDENTITY, True, source="dreamt")])


def test_outcomes_read_as_codes_equal_those_of_the_whole_table(tmp_path):
    """Several parts, with rows that come twice and programs whose path stands elsewhere."""
    tables = [make_table(random_rows(seed)) for seed in (0, 0)]
    whole = make_table(random_rows(0))
    for start, table in zip((0, 40), tables, strict=True):
        for name in FINGERPRINTS:
            table = table.append_column(name, pa.array(["x"] * len(table)))
        write_part(tmp_path / "outcomes", table.slice(start, 80).select(OUTCOME_SCHEMA.names))
    table = table.slice(120)
    write_part(tmp_path / "outcomes", table.select(OUTCOME_SCHEMA.names))
    coded, plain = read_for_statistics(tmp_path, 4), Outcomes.from_table(whole, 4)
    for name in Outcomes.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(coded, name), getattr(plain, name), err_msg=name)


def test_a_program_without_any_path_is_refused():
    table = make_table([Row("a", IDENTITY, True), Row("a", (0, 1, 3), True)])
    paths = pa.array([list(IDENTITY), None], pa.list_(pa.int16()))
    table = table.set_column(table.schema.get_field_index("path"), "path", paths)
    with pytest.raises(RunError, match="received 2 programs and paths of 1"):
        Outcomes.from_table(table, 4)
