"""Labels from a run: which programs, and what they weigh."""

import json

import pytest
from fsspec.core import url_to_fs

from polar_search.errors import PredictorError
from polar_search.predictor.labels import read_labels, weigh
from polar_search.program import Program
from polar_search.search.store import read_outcomes

STANDARD = Program.identity(8)
SHORT, SHORTER = Program.parse("K4 S2 K2"), Program.parse("K2 S4 K2")


def test_labels_are_the_valid_programs(searched):
    labels = read_labels(searched)
    rows = read_outcomes(searched).to_pylist()
    for label in labels.labels:
        mine = [row for row in rows if row["example_id"] == label.example.id and row["correct"]]
        valid = sorted((len(row["path"]), tuple(row["path"])) for row in mine)
        assert [p.path for p in label.programs] == [path for _, path in valid][:50]
        assert sum(label.weights) == pytest.approx(1)
    valid = {row["example_id"] for row in rows if row["correct"]}
    assert {label.example.id for label in labels.labels} == valid
    assert len(labels.examples) == 15


def test_the_standard_pass_weighs_less_beside_a_shorter_program():
    weights = weigh([SHORT, STANDARD], "paper", {})
    assert weights[STANDARD] / weights[SHORT] == pytest.approx(0.3)
    longer = Program.parse("K2 R4 K2")
    assert weigh([STANDARD, longer], "paper", {}) == {STANDARD: 0.5, longer: 0.5}


def test_other_weightings():
    programs = [SHORTER, SHORT, STANDARD]
    assert weigh(programs, "uniform", {}) == dict.fromkeys(programs, pytest.approx(1 / 3))
    assert weigh(programs, "shortest", {}) == {SHORTER: 1.0}
    found = {STANDARD.path: 0, SHORT.path: 1, SHORTER.path: 2}
    assert weigh(programs, "first", found) == {STANDARD: 1.0}


def test_first_found_follows_the_trace(searched):
    """The exhaustive search asks by edits: the standard pass comes first where it is valid."""
    for label in read_labels(searched, "first").labels:
        valid = {str(program) for program in read_one(searched, label.example.id)}
        assert len(label.programs) == 1
        assert ("K8" in valid) == (label.programs == (STANDARD,))


def read_one(searched, example_id):
    rows = read_outcomes(searched).to_pylist()
    return [row["program"] for row in rows if row["example_id"] == example_id and row["correct"]]


def test_programs_that_repeat_too_much_are_left_out_and_counted(searched):
    labels = read_labels(searched, max_repeats=1)
    assert labels.too_many_repeats > 0
    for label in labels.labels:
        assert all(s.executions < 2 for p in label.programs for s in p.segments)


def test_often_valid_programs_are_counted_before_the_labels_are_cut(searched):
    few, all_of_them = read_labels(searched, max_programs=1), read_labels(searched)
    assert few.often_valid == all_of_them.often_valid
    valid = [set(read_one(searched, e.id)) for e in few.examples]
    counts = [sum(str(p) in programs for programs in valid) for p in few.often_valid]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == max(sum(p in v for v in valid) for p in set().union(*valid))


def test_runs_live_at_urls(searched):
    files, _ = url_to_fs("memory://learnt/run")
    files.put(str(searched), "/learnt/run", recursive=True)
    assert read_labels("memory://learnt/run").labels == read_labels(searched).labels


def test_levels_can_be_chosen(searched):
    assert {label.example.level for label in read_labels(searched, levels=(2,)).labels} == {2}


def test_runs_that_cannot_be_learnt_from(searched, tmp_path):
    with pytest.raises(PredictorError, match="expected valid programs to learn from"):
        read_labels(searched, levels=(9,))
    config = json.loads((searched / "config.json").read_text())
    config["fixed"]["split"] = "test"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(PredictorError, match="expected a run on the train split"):
        read_labels(tmp_path)
