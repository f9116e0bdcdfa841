"""The store: two tables of keyed rows in append-only parts."""

import itertools
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from searching import outcomes_of, trace_of

from polar_search.errors import RunError
from polar_search.program import Program
from polar_search.search.outcome import Outcome, TraceStep
from polar_search.search.store import (
    OUTCOME_SCHEMA,
    TRACE_SCHEMA,
    Fingerprints,
    Store,
    read_outcomes,
    write_part,
)

PRINTS = Fingerprints("m", "t", "d")
IDENTITY = Program.identity(4)
SHORTER = Program.from_path([0, 1, 2], 4)
LONGER = Program.from_path([0, 1, 0, 1, 2, 3], 4)


def outcome(example="e1", program=IDENTITY, text="a", source="executed", correct=True):
    return Outcome(example, 1, program, text, correct, source)


def fill(folder, outcomes, trace=(), *, prints=PRINTS, agent="agent"):
    store = Store(folder, prints, agent)
    store.append(outcomes, trace)
    store.flush()


def parts(folder, table="outcomes"):
    return sorted((folder / table).glob("*.parquet"))


def test_what_goes_in_comes_out(tmp_path):
    outcomes = [
        outcome("e1", IDENTITY, "one"),
        outcome("e1", LONGER, "two", correct=False),
        outcome("e2", SHORTER, "", "confirmed"),
    ]
    fill(tmp_path, outcomes)
    assert outcomes_of(tmp_path) == [
        {
            **{"model": "m", "task": "t", "decoding": "d", "example_id": o.example_id, "level": 1},
            **{"path": list(o.program.path), "program": str(o.program), "depth": o.program.depth},
            **{"text": o.text, "correct": o.correct, "source": o.source},
        }
        for o in (outcomes[1], outcomes[0], outcomes[2])
    ]
    store = Store(tmp_path, PRINTS, "agent")
    assert store.known("e1", 4) == {IDENTITY: outcomes[0], LONGER: outcomes[1]}
    assert store.known("e2", 4) == {}  # agents are told what was executed
    assert store.known("e3", 4) == {}


def test_an_empty_folder_is_an_empty_store(tmp_path):
    store = Store(tmp_path, PRINTS, "agent")
    assert store.known("e1", 4) == {}
    assert store.traced_steps("e1") == set()
    store.flush()
    assert list(tmp_path.iterdir()) == []
    assert read_outcomes(tmp_path).schema == OUTCOME_SCHEMA


def test_steps_come_out_in_order_and_are_counted(tmp_path):
    steps = [TraceStep("e1", 0, IDENTITY), TraceStep("e1", 1, SHORTER, IDENTITY)]
    fill(tmp_path, [], [steps[1], TraceStep("e2", 0, IDENTITY)])
    fill(tmp_path, [], [steps[0]])
    assert [
        (row["example_id"], row["step"], row["path"], row["parent_path"])
        for row in trace_of(tmp_path)
    ] == [
        ("e1", 0, [0, 1, 2, 3], None),
        ("e1", 1, [0, 1, 2], [0, 1, 2, 3]),
        ("e2", 0, [0, 1, 2, 3], None),
    ]
    store = Store(tmp_path, PRINTS, "agent")
    assert [store.traced_steps(e) for e in ("e1", "e2", "e3")] == [{0, 1}, {0}, set()]
    assert Store(tmp_path, PRINTS, "another").traced_steps("e1") == set()


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PATHS = st.lists(st.integers(0, 3), min_size=1, max_size=6).filter(
    lambda path: all(b <= a + 4 for a, b in itertools.pairwise(path))
)


def programs():
    def parse(path):
        try:
            return Program.from_path(path, 4)
        except ValueError:
            return None

    return PATHS.map(parse).filter(bool)


OUTCOMES = st.builds(
    Outcome,
    example_id=st.one_of(st.sampled_from(["e1", "e2"]), TEXTS.filter(bool)),
    level=st.just(1),
    program=programs(),
    text=TEXTS,
    correct=st.booleans(),
    source=st.sampled_from(["executed", "confirmed", "imported"]),
)


@settings(max_examples=40)
@given(st.lists(st.lists(OUTCOMES, max_size=6), max_size=4))
def test_any_outcomes_survive_the_disk_and_keys_stay_unique(appends):
    first = {}
    with tempfile.TemporaryDirectory() as name:
        for outcomes in appends:
            fill(Path(name), outcomes)
            for o in outcomes:
                first.setdefault((o.example_id, o.program, o.source), o)
        rows = read_outcomes(Path(name)).to_pylist()
        store = Store(Path(name), PRINTS, "agent")
        known = {e: store.known(e, 4) for e, _, _ in first}

    assert {(r["example_id"], tuple(r["path"]), r["source"]): r["text"] for r in rows} == {
        (e, program.path, source): o.text for (e, program, source), o in first.items()
    }
    assert len(rows) == len(first)
    own = {(e, program) for e, program, source in first if source == "executed"}
    assert {(e, program) for e, found in known.items() for program in found} == own


def test_appending_twice_changes_nothing(tmp_path):
    outcomes = [outcome("e1", p) for p in (IDENTITY, SHORTER, LONGER)]
    steps = [TraceStep("e1", i, o.program) for i, o in enumerate(outcomes)]
    fill(tmp_path, outcomes, steps)
    before = outcomes_of(tmp_path), trace_of(tmp_path)
    fill(tmp_path, outcomes, steps)
    fill(tmp_path, outcomes[1:], steps[:1])
    assert len(parts(tmp_path)) == len(parts(tmp_path, "trace")) == 3
    assert (outcomes_of(tmp_path), trace_of(tmp_path)) == before


def test_the_first_row_of_a_key_stays(tmp_path):
    fill(tmp_path, [outcome(text="first")])
    fill(tmp_path, [outcome(text="second")])
    assert [row["text"] for row in outcomes_of(tmp_path)] == ["first"]


OTHERS = {
    "model": Fingerprints("other", "t", "d"),
    "task": Fingerprints("m", "other", "d"),
    "decoding": Fingerprints("m", "t", "other"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_outcomes_of_another_fingerprint_lie_beside_and_are_not_reused(tmp_path, name):
    fill(tmp_path, [outcome(text="ours"), outcome("e2")])
    fill(tmp_path, [outcome(text="theirs"), outcome("e1", SHORTER)], prints=OTHERS[name])
    assert read_outcomes(tmp_path).num_rows == 4
    assert Store(tmp_path, PRINTS, "agent").known("e1", 4) == {IDENTITY: outcome(text="ours")}
    theirs = Store(tmp_path, OTHERS[name], "agent").known("e1", 4)
    assert theirs == {IDENTITY: outcome(text="theirs"), SHORTER: outcome("e1", SHORTER)}


def test_sources_lie_side_by_side_and_only_executed_outcomes_are_reused(tmp_path):
    mine, others = outcome(source="executed"), ("imported", "confirmed")
    fill(tmp_path, [*(outcome(source=source) for source in others), mine])
    fill(tmp_path, [outcome("e1", SHORTER, source=source) for source in others])
    assert read_outcomes(tmp_path).num_rows == 5
    assert Store(tmp_path, PRINTS, "agent").known("e1", 4) == {IDENTITY: mine}


def test_agents_have_traces_of_their_own(tmp_path):
    fill(tmp_path, [], [TraceStep("e1", 0, IDENTITY)], agent="one")
    fill(tmp_path, [], [TraceStep("e1", 0, SHORTER)], agent="other")
    assert [(row["agent"], row["path"]) for row in trace_of(tmp_path)] == [
        ("one", [0, 1, 2, 3]),
        ("other", [0, 1, 2]),
    ]


def test_what_a_crash_left_half_written_is_ignored(tmp_path):
    fill(tmp_path, [outcome()])
    [part] = parts(tmp_path)
    part.with_name("00000000000000000001-half.partial").write_bytes(part.read_bytes()[:100])
    assert read_outcomes(tmp_path).num_rows == 1


@pytest.mark.parametrize("bad", [b"", b"PAR1 and nothing more", None])
def test_a_broken_part_is_named_and_set_aside_by_a_writer(tmp_path, bad, caplog):
    fill(tmp_path, [outcome()])
    fill(tmp_path, [outcome("e2")])
    part = parts(tmp_path)[1]
    part.write_bytes(part.read_bytes()[:-10] if bad is None else bad)
    with pytest.raises(RunError, match="expected a Parquet part of this store") as caught:
        read_outcomes(tmp_path)
    assert str(part) in str(caught.value)
    assert "\n" not in str(caught.value)

    # One who writes sets it aside, says so, and knows what is left.
    store = Store(tmp_path, PRINTS, "agent")
    assert f"the part '{part}' cannot be read" in caplog.text
    assert "\n" not in caplog.messages[0]
    assert part.with_name(part.name + ".broken").exists()
    assert [len(store.known(e, 4)) for e in ("e1", "e2")] == [1, 0]
    assert read_outcomes(tmp_path).num_rows == 1


def test_a_part_of_another_table_is_named(tmp_path):
    part = write_part(tmp_path / "outcomes", TRACE_SCHEMA.empty_table().select(["step"]))
    with pytest.raises(RunError, match=part):
        read_outcomes(tmp_path)


def test_names_of_folders_mean_nothing(tmp_path):
    """Arrow's own reader would take such names for columns."""
    folder = tmp_path / "level=7" / "model=x"
    fill(folder, [outcome()])
    assert [(row["level"], row["model"]) for row in outcomes_of(folder)] == [(1, "m")]


def test_rows_are_written_when_there_are_enough(tmp_path):
    store = Store(tmp_path, PRINTS, "agent", flush_rows=3, flush_seconds=1e6)
    store.append([outcome("e1"), outcome("e2")], [])
    assert parts(tmp_path) == []
    store.append([outcome("e3")], [])
    assert len(parts(tmp_path)) == 1
    store.append([], [TraceStep(f"e{i}", 0, IDENTITY) for i in range(3)])
    assert len(parts(tmp_path, "trace")) == 1
    store.append([outcome("e4")], [])
    assert read_outcomes(tmp_path).num_rows == 3
    store.flush()
    assert read_outcomes(tmp_path).num_rows == 4


def test_rows_are_written_when_they_are_old(tmp_path):
    store = Store(tmp_path, PRINTS, "agent", flush_rows=10**6, flush_seconds=0.0)
    for i in range(3):
        store.append([outcome(f"e{i}")], [])
        assert read_outcomes(tmp_path).num_rows == i + 1


def test_outcomes_are_on_the_disk_before_their_steps(tmp_path):
    store = Store(tmp_path, PRINTS, "agent")
    (tmp_path / "trace").write_text("in the way")
    store.append([outcome()], [TraceStep("e1", 0, IDENTITY)])
    with pytest.raises(RunError, match="trace"):
        store.flush()
    assert read_outcomes(tmp_path).num_rows == 1


def test_a_folder_that_cannot_be_written_is_named_and_nothing_is_forgotten(tmp_path):
    obstacle = tmp_path / "outcomes"
    store = Store(tmp_path, PRINTS, "agent")
    obstacle.write_text("in the way")
    with pytest.raises(RunError, match=rf"expected to write '{obstacle}.*File exists"):
        store.append([outcome()] * 5000, [])
    obstacle.unlink()
    store.flush()
    assert read_outcomes(tmp_path).num_rows == 1


def test_parts_are_whole_when_they_appear_under_their_name(tmp_path):
    paths = [tmp_path / write_part(tmp_path, OUTCOME_SCHEMA.empty_table()) for _ in range(20)]
    assert len(set(paths)) == 20
    assert sorted(tmp_path.iterdir()) == sorted(paths) == paths
    assert all(pq.read_schema(path) == OUTCOME_SCHEMA for path in paths)
