"""Labels and data sets from the command line: out, in, verified, published, loaded."""

import json

import pytest

from polar_search import cli

SMALL = ["search", "--limit", "1", "--max-edits", "1", "--max-repeats", "1", "--threads", "1"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("exchange") / "run"
    assert cli.main([*SMALL, "--level", "[1]", "--out", str(out)]) == 0
    return out


def says(capsys, *arguments):
    capsys.readouterr()
    assert cli.main(list(map(str, arguments))) == 0
    return " ".join(capsys.readouterr().out.split())


def test_labels_go_out_come_in_and_are_verified(capsys, run, tmp_path):
    file, again = tmp_path / "labels.json.gz", tmp_path / "again"
    assert "27 programs of 1 examples" in says(capsys, "export-labels", run, file)
    arguments = ["--num-layers", "8", "--out", again, "--task", "tracking"]
    said = says(capsys, "import-labels", file, *arguments)
    assert "27 outcomes of 1 examples imported" in said
    assert "left out" not in said
    said = says(capsys, "verify-labels", again, "--model", "bundled", "--threads", "1")
    assert "27/27 executed 100.0% of the verdicts stay (95% interval" in said
    assert "Base" in says(capsys, "stats", again)


def test_what_a_format_cannot_hold_is_said(capsys, run, tmp_path):
    file = tmp_path / "labels.jsonl"
    said = says(capsys, "export-labels", run, file, "--format", "drllm")
    valid = len(file.read_text().splitlines())
    assert f"{valid} programs of" in said
    assert "left out: 0 valid programs that repeat a block as one" in said
    assert f"and {27 - valid} invalid" in said
    said = says(capsys, "import-labels", file, "--num-layers", "8", "--out", tmp_path / "again")
    assert f"{valid} outcomes of 1 examples" in said


def test_left_out_labels_and_missing_standard_passes_are_said(capsys, tmp_path):
    command = ("import-labels", tmp_path / "l.json", "--num-layers", 3, "--out")
    label = [["Q", [1, 1, 0], "A"], ["Q", [1, 1, 2], "A"]]
    (tmp_path / "l.json").write_text(json.dumps(label))
    said = says(capsys, *command, tmp_path / "r")
    assert "does not tell the standard pass of 1 examples" in said
    twice = {"question": "Q", "gt_ans": "A", "final_valid_transitions": [[0, 1, 2], [2, 1, 0]]}
    (tmp_path / "l.json").write_text(json.dumps([twice]))
    said = says(capsys, *command, tmp_path / "s")
    assert "left out: 1 paths that go back other than to repeat" in said


def test_a_run_becomes_a_data_set_and_a_run_again(capsys, run, tmp_path):
    assert str(tmp_path / "set") in says(capsys, "push-to-hub", run, tmp_path / "set")
    assert "polar-search stats" in says(capsys, "load", tmp_path / "set", "--out", tmp_path / "r")
    assert "Base" in says(capsys, "stats", tmp_path / "r")
