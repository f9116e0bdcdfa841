"""Labels in and out: every layout, joins, round trips, and files that cannot be used."""

import gzip
import json
from collections import Counter

import labels
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labels import BASE, BLOCK_TWICE, FIVE_TIMES, LAYERS, ONE_TWICE, SKIPS, merged, repolar, write

from polar_search.errors import LabelError, RunError
from polar_search.exchange import export_labels, import_labels
from polar_search.exchange.vectors import read_vectors, vector_of
from polar_search.program import ProgramSpace
from polar_search.search.store import read_outcomes, read_trace


def rows_of(run):
    return read_outcomes(run).to_pylist()


def verdicts_of(run):
    return {(row["example_id"], tuple(row["path"])): row["correct"] for row in rows_of(run)}


LAYOUTS = {
    "an object with samples": lambda samples: {"samples": samples},
    "a list": lambda samples: samples,
    "an object of objects": lambda samples: {str(i): s for i, s in enumerate(samples)},
}


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_read_alike(tmp_path, layout, suffix):
    content = LAYOUTS[layout]([merged(1), merged(2)])
    file = write(tmp_path / f"dart-math-diff-3/merged_mcts_samples{suffix}", content)
    report = import_labels(file, LAYERS, tmp_path / "run", model="a model")
    assert (report.examples, report.outcomes, report.without_base) == (2, 10, 0)
    rows = rows_of(tmp_path / "run")
    assert {row["source"] for row in rows} == {"imported"}
    assert {row["text"] for row in rows} == {None}
    assert {row["level"] for row in rows} == {3}
    assert Counter(row["correct"] for row in rows) == {True: 6, False: 4}


NAMES = {
    "ground_truth": {"question": "Q", "ground_truth": "A"},
    "answer": {"question": "Q", "answer": "A"},
    "sample_info": {"sample_info": {"question": "Q", "ground_truth": "A", "difficulty": "DM-4"}},
}


@pytest.mark.parametrize("name", NAMES)
def test_questions_and_answers_have_many_names(tmp_path, name):
    entry = {"final_valid_transitions": [BASE], "final_invalid_transitions": [], **NAMES[name]}
    import_labels(write(tmp_path / "l.json", [entry]), LAYERS, tmp_path / "run")
    [line] = (tmp_path / "run" / "examples.jsonl").read_text().splitlines()
    row = json.loads(line)
    assert (row["question"], row["answer"]) == ("Q", "A")
    assert row["level"] == (4 if name == "sample_info" else 1)


def test_the_standard_pass_comes_from_its_score_where_the_paths_lack_it(tmp_path):
    with_score = merged(1, final_valid_transitions=[ONE_TWICE], initial_score=0.0)
    without = merged(2, final_valid_transitions=[ONE_TWICE], initial_score=None)
    file = write(tmp_path / "l.json", [with_score, without])
    report = import_labels(file, LAYERS, tmp_path / "run")
    assert report.without_base == 1
    base = [row for row in rows_of(tmp_path / "run") if row["path"] == BASE]
    assert [row["correct"] for row in base] == [False]


@pytest.fixture
def dart_math(tmp_path):
    """RE-PoLar's labels, and the examples they belong to."""
    rows = [{"id": f"math-{i:04d}", "question": f"{i}?", "answer": i, "level": 4} for i in range(3)]
    path = tmp_path / "dart.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"path": str(path), "id": "id", "level": "level"}


def test_questions_are_joined_by_id_and_searches_become_traces(tmp_path, dart_math):
    file = write(tmp_path / "l.json.gz", {"samples": [repolar(0), repolar(2), repolar(7)]})
    report = import_labels(file, LAYERS, tmp_path / "run", task="file", task_options=dart_math)
    assert (report.examples, report.outcomes) == (2, 6)
    assert report.left_out == {"samples of no example of the task": 1}
    assert {row["level"] for row in rows_of(tmp_path / "run")} == {4}, "the task's, not the file's"
    trace = read_trace(tmp_path / "run").to_pylist()
    assert len(trace) == 8
    first = sorted(
        (row for row in trace if row["example_id"] == "math-0000"), key=lambda r: r["step"]
    )
    assert [row["step"] for row in first] == [0, 1, 2, 3]
    assert [row["path"] for row in first] == [BASE, SKIPS, BLOCK_TWICE, SKIPS]
    assert [row["parent_path"] for row in first] == [None, BASE, SKIPS, BASE]


def test_files_without_questions_need_a_task(tmp_path, dart_math):
    file = write(tmp_path / "l.json", [repolar(0)])
    with pytest.raises(LabelError, match=r"a question and an answer .*: --task dart-math"):
        import_labels(file, LAYERS, tmp_path / "run")
    file = write(tmp_path / "l.json", [repolar(9)])
    with pytest.raises(LabelError, match=r"with ids or questions of task 'file', received none"):
        import_labels(file, LAYERS, tmp_path / "run2", task="file", task_options=dart_math)


def test_what_is_no_program_is_counted_by_reason(tmp_path):
    entry = merged(1, final_valid_transitions=[BASE, labels.LONG_BLOCK, labels.BACK_AND_FORTH, []])
    entry["final_invalid_transitions"] = [SKIPS, SKIPS, BASE]
    file = write(tmp_path / "l.json", [entry, merged(1)])
    report = import_labels(file, LAYERS, tmp_path / "run")
    assert report.left_out == {
        "paths that are both valid and invalid": 1,
        "paths that repeat a block of more than 4 layers": 1,
        "paths that go back other than to repeat a block as a whole": 1,
        "paths that execute nothing": 1,
        "samples of a question that came before": 1,
    }
    # The verdict of the standard pass is then that of its score.
    assert {path: v for (_, path), v in verdicts_of(tmp_path / "run").items()} == {
        tuple(SKIPS): False,
        tuple(BASE): True,
    }


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
def test_merged_labels_round_trip(tmp_path, suffix, dart_math):
    samples = [repolar(0), repolar(1)]
    for sample in samples:
        sample["sample_info"] = {"query_id": sample["sample_info"]["query_id"], "difficulty": 4}
    import_labels(
        write(tmp_path / "in.json", samples),
        LAYERS,
        tmp_path / "run",
        task="file",
        task_options=dart_math,
    )
    file = tmp_path / f"out{suffix}"
    report = export_labels(tmp_path / "run", file)
    assert (report.examples, report.programs, report.lost) == (2, 6, 0)
    raw = file.read_bytes()
    written = json.loads(gzip.decompress(raw) if suffix.endswith("gz") else raw)["samples"]
    for number, (before, after) in enumerate(zip(samples, written, strict=True)):
        expected = {"question": f"{number}?", "gt_ans": str(number), "initial_score": 0.0}
        assert after == {**before, **expected}
    again = tmp_path / "again"
    import_labels(file, LAYERS, again, task="file", task_options=dart_math)
    assert rows_of(again) == rows_of(tmp_path / "run")


def test_a_search_of_ours_round_trips(tmp_path, searched):
    report = export_labels(searched, tmp_path / "l.json.gz")
    assert report.programs == len(rows_of(searched)) == 10 * 13
    import_labels(tmp_path / "l.json.gz", 8, tmp_path / "run", task="tracking")
    assert verdicts_of(tmp_path / "run") == verdicts_of(searched)

    def steps(run):
        columns = ("example_id", "step", "path", "parent_path")
        table = read_trace(run).select(columns)
        return sorted(table.to_pylist(), key=lambda row: (row["example_id"], row["step"]))

    assert steps(tmp_path / "run") == steps(searched)


def test_drllm_vectors_are_read_and_written(tmp_path):
    content = [["Q?", [1, 2, 1, 1, 1, 1], "A"], ["Q?", [1, 1, 0, 0, 1, 1], "A"]]
    report = import_labels(write(tmp_path / "in.json", content), LAYERS, tmp_path / "run")
    assert (report.examples, report.outcomes, report.without_base) == (1, 2, 1)
    paths = [row["path"] for row in rows_of(tmp_path / "run")]
    assert sorted(paths) == sorted([ONE_TWICE, SKIPS])
    out = export_labels(tmp_path / "run", tmp_path / "out.jsonl", "drllm")
    assert (out.programs, out.lost, out.unsaid) == (2, 0, 0)
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == content
    import_labels(tmp_path / "out.jsonl", LAYERS, tmp_path / "again")
    assert verdicts_of(tmp_path / "again") == verdicts_of(tmp_path / "run")


def test_what_a_vector_cannot_say_is_counted(tmp_path):
    entry = merged(1, final_valid_transitions=[BASE, ONE_TWICE, FIVE_TIMES, BLOCK_TWICE])
    entry["final_invalid_transitions"] = [SKIPS]
    import_labels(write(tmp_path / "in.json", [entry]), LAYERS, tmp_path / "run")
    report = export_labels(tmp_path / "run", tmp_path / "out.json", "drllm")
    assert (report.programs, report.lost, report.unsaid) == (2, 2, 1)


SPACE = ProgramSpace(6, max_edits=3)


@given(st.randoms(use_true_random=False))
def test_vectors_hold_just_the_programs_without_repeated_blocks(rng):
    program = SPACE.sample(rng)
    vector = vector_of(program.path, 6)
    expected = all(s.executions <= 1 or s.length == 1 for s in program.segments)
    assert (vector is not None) == expected
    if vector is not None:
        [sample] = read_vectors([["Q", vector, "A"]], "file")
        assert sample.verdicts == ((program.path, True),)


GOOD = json.dumps([merged(1)]).encode()
BROKEN = {
    "cut.json": (GOOD[:-40], "it may be cut short"),
    "cut.json.gz": (gzip.compress(GOOD * 50)[:-30], "it may be cut short"),
    "wrong.json.gz": (b"\x1f\x8bnothing", "it may be cut short"),
    "text.json": (b"\xff\xfe", "it may be cut short"),
    "number.json": (b"3", "samples of PoLar or RE-PoLar, or tuples of Dr.LLM"),
    "empty.json": (b"[]", "samples of PoLar or RE-PoLar, or tuples of Dr.LLM"),
    "other.json": (b'{"a": {"b": 1}}', "final_valid_transitions or final_invalid_transitions"),
    "paths.json": (json.dumps([merged(1, final_valid_transitions=["x"])]).encode(), "layer paths"),
    "nopaths.json": (
        json.dumps([merged(1, final_valid_transitions=[], final_invalid_transitions=[])]).encode(),
        "layer paths in .*, received none",
    ),
    "trace.json": (json.dumps([merged(1, search_trajectory=[1])]).encode(), "search_trajectory"),
    "vector.json": (b'[["Q", [1, 3], "A"]]', "a label vector of 0, 1 and 2"),
    "pair.json": (b'[["Q", [1, 2]]]', r"\[question, label vector, answer\] in tuple 0"),
    "labels.pt": (b"", "can run code when it is read"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_files_that_cannot_be_used_are_named(tmp_path, name):
    content, message = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LabelError, match=message):
        import_labels(tmp_path / name, LAYERS, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("layers", "hint"), [(5, 6), (7, 6), (24, 6)])
def test_labels_for_another_depth_are_refused(tmp_path, layers, hint):
    file = write(tmp_path / "l.json", [merged(1)])
    with pytest.raises(LabelError, match=rf"for {layers} layers, .*: --num-layers {hint}"):
        import_labels(file, layers, tmp_path / "run")


def test_missing_files_and_used_folders_are_named(tmp_path):
    with pytest.raises(LabelError, match=r"a label file, received '.*missing.json': No such file"):
        import_labels(tmp_path / "missing.json", LAYERS, tmp_path / "run")
    file = write(tmp_path / "l.json", [merged(1)])
    import_labels(file, LAYERS, tmp_path / "run")
    with pytest.raises(RunError, match=r"a new folder, received '.*run', which holds a run"):
        import_labels(file, LAYERS, tmp_path / "run")
    with pytest.raises(RunError, match="expected to write"):
        export_labels(tmp_path / "run", file / "out.json")
