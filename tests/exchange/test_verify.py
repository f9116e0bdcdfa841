"""Imported labels, executed again."""

import gzip
import json

import pytest

from polar_search.analysis.menu_execution import execute_menus
from polar_search.errors import LabelError, RunError
from polar_search.exchange import export_labels, import_labels, verify_labels
from polar_search.search.store import read_outcomes

MODEL = "bundled-tracking"


@pytest.fixture
def imported(tmp_path, searched):
    """The labels of a search; those of one example say the opposite."""
    file = tmp_path / "labels.json.gz"
    export_labels(searched, file)
    content = json.loads(gzip.decompress(file.read_bytes()))
    sample = content["samples"][0]
    valid, invalid = "final_valid_transitions", "final_invalid_transitions"
    sample[valid], sample[invalid] = sample[invalid], sample[valid]
    flipped = len(sample[valid]), len(sample[invalid])
    file.write_bytes(gzip.compress(json.dumps(content).encode()))
    import_labels(file, 8, tmp_path / "run", task="tracking")
    return tmp_path / "run", flipped


def test_executing_tells_which_labels_stay_and_goes_on(imported):
    run, (were_valid, were_invalid) = imported
    part = verify_labels(run, MODEL, limit=1, rows=7)
    assert part.same.n == 5 * 13
    whole = verify_labels(run, MODEL)
    assert (whole.now_invalid, whole.now_valid) == (were_valid, were_invalid)
    assert (whole.same.count, whole.same.n) == (9 * 13, 10 * 13)
    assert whole.same.low < 0.9 < whole.same.high
    assert json.loads((run / "verified.json").read_text())["same"]["n"] == 130
    before = read_outcomes(run)
    assert before["source"].to_pylist().count("executed") == 130
    calls = []
    again = verify_labels(run, MODEL, on_progress=lambda *done: calls.append(done))
    assert again == whole
    assert calls == []


def test_the_standard_pass_is_executed_where_labels_lack_it(tmp_path):
    label = [["ab.ba=", [1, 1, 1, 1, 1, 2, 1, 1], "bb"]]
    (tmp_path / "l.json").write_text(json.dumps(label))
    run = tmp_path / "run"
    assert import_labels(tmp_path / "l.json", 8, run).without_base == 1
    assert verify_labels(run, MODEL).same.n == 1
    executed = [row for row in read_outcomes(run).to_pylist() if row["source"] == "executed"]
    assert sorted(row["depth"] for row in executed) == [8, 9]


def test_models_of_another_depth_and_runs_without_labels_are_refused(imported, searched):
    with pytest.raises(LabelError, match=r"a model of 8 layers, .* with 12; name another"):
        verify_labels(imported[0], "bundled-arithmetic")
    with pytest.raises(LabelError, match=r"imported labels in '.*', received none"):
        verify_labels(searched, MODEL)


def test_menus_of_imported_labels_are_not_executed(imported):
    with pytest.raises(RunError, match="expected a run that was searched, received"):
        execute_menus(imported[0])


def test_another_model_or_task_than_before_is_refused(imported, searched):
    run, _ = imported
    verify_labels(run, MODEL, limit=1)
    with pytest.raises(LabelError, match=r"that executed labels of .* before, received"):
        verify_labels(run, MODEL, limit=1, dtype="bfloat16")
    config = json.loads((run / "config.json").read_text())
    config["fixed"]["task fingerprint"] = "another"
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(RunError, match=r"task 'tracking' that .* was searched on, received others"):
        verify_labels(run, MODEL)
