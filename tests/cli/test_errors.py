"""Mistakes end with one line that says what was expected and received, and exit code 2."""

import json

import pytest

from polar_search import cli
from polar_search.search.store import OUTCOME_SCHEMA, read_outcomes, write_part

MISTAKES = {
    "serch": "the name of a command, received 'serch'; did you mean search or serve?",
    "nothing-like-it": "received 'nothing-like-it'; known: demo, ",
    "search --model trackin": "'trackin'; did you mean bundled-tracking?",
    "search --model bundled-trakcing": "'bundled-trakcing'; did you mean bundled-tracking?",
    "search --model bundled-x": "the name of a bundled model, received 'bundled-x'",
    "search --task traking": "the name of a task, received 'traking'; did you mean tracking?",
    "search --agent radnom": "the name of an agent, received 'radnom'; did you mean random?",
    "search --agent nowhere.at.all:X": "import path of an agent",
    "search --agent-options {c: 1}": "'exhaustive' (it has none), received 'c'",
    "search --agent commands:Optional --agent-options {d: 1}": "(c, name, fast), received 'd'",
    "search --agent commands:Optional --agent-options {c: red}": "to be a number, received 'red'",
    "search --agent commands:Optional --agent-options {c: null}": "to be a number, received None",
    "search --task-options {x: 1}": "an option of task 'tracking' (it has none), received 'x'",
    "search --agent-options 3": "--agent-options to be a mapping such as {a: 1}, received '3'",
    "search --split tset": "expected --split to be one of train, val, test, received 'tset'",
    "search --level [9]": "levels of task 'tracking' (1, 2, 3, 4, 5), received 9",
    "search --level 9": "expected --level to be a list such as [1,2] or null, received '9'",
    "search --level [a]": "expected --level to be a list such as [1,2] or null, received '['a']'",
    "search --limit many": "expected --limit to be an integer or null, received 'many'",
    "search --limit 1.5": "expected --limit to be an integer or null, received '1.5'",
    "search --seed null": "expected --seed to be an integer, received",
    "search --limit 0": "expected --limit of at least 1, received 0",
    "search --budget 0": "expected --budget of at least 1, received 0",
    "search --budget -4": "expected --budget of at least 1, received -4",
    "search --rows 0": "expected --rows of at least 1, received 0",
    "search --rows 8": "expected --rows of at least --ask-batch (16)",
    "search --ask-batch -1": "expected --ask-batch of at least 1, received -1",
    "search --threads 0": "expected --threads of at least 1, received 0",
    "search --max-new-tokens 0": "expected --max-new-tokens of at least 1, received 0",
    "search --max-segment 0": "expected max_segment to be an integer of 1 or more, received 0",
    "search --max-repeats 0": "expected max_repeats to be an integer of 1 or more, received 0",
    "search --max-edits -1": "expected max_edits to be an integer of 0 or more, received -1",
    "search --max-depth 0": "expected max_depth to be an integer of 1 or more, received 0",
    "search --max-depth 3 --max-edits 1": "expected max_depth of 4 or more",
    "search --segmentation [4,3]": "that sum to 8 layers, received",
    "search --segmentation [8,0]": "that sum to 8 layers, received",
    "search --dtype int8": "--dtype to be one of auto, float32, bfloat16, float16, received 'int8'",
    "search --device tpuu": "a device of this machine, received 'tpuu'",
    "search --device cuda:99": "a device of this machine, received 'cuda:99'",
    "search --nonsense 1": "unrecognized arguments: --nonsense 1",
    "search --lim 1": "unrecognized arguments: --lim 1",
    "search stray": "unrecognized arguments: stray",
    "search --limit": "argument --limit: expected one argument",
    "search --model ./nowhere": "a model folder, received './nowhere'",
    "search --model {tmp}": "{tmp}",
    "search --model {tmp}/file": "a model folder, received '{tmp}/file'",
    "search --model nobody/no-such-model": "nobody/no-such-model",
    "search --config {tmp}/missing.yaml": "--config: File does not exist: '{tmp}/missing.yaml'",
    "search --config {tmp}": "--config: Path is not a file: '{tmp}'",
    "search --config {tmp}/unknown.yaml": "Option 'limitt' is not accepted",
    "search --config {tmp}/type.yaml": "--limit to be an integer or null, received 'many'",
    "search --config {tmp}/broken.yaml": "Problems parsing config",
    "search --config {tmp}/binary.yaml": "utf-8",
    "search --config {tmp}/empty.yaml": "Unexpected config",
    "search --out {tmp}/file/run --limit 1 --max-edits 0": "expected to write '{tmp}/file/run'",
    "search --out {tmp}/file --limit 1 --max-edits 0": "expected to write '{tmp}/file'",
    "search --out {tmp}/broken --limit 1 --max-edits 0": "received '{tmp}/broken/config.json'",
    "search --out {tmp}/strange --limit 1 --max-edits 0": "a config.json beside the outcomes",
    "stats": "run",
    "stats {tmp}/nothing": "expected a run folder, received '{tmp}/nothing'",
    "stats {tmp}": "expected a run folder, received '{tmp}'",
    "stats {tmp}/file": "expected a run folder, received '{tmp}/file'",
    "stats {tmp}/broken": "received '{tmp}/broken/config.json'",
    "task": "action, task",
    "task hide tracking": "invalid choice: 'hide'",
    "task show traking": "the name of a task, received 'traking'; did you mean tracking?",
    "task show tracking --split tset": "a split of tracking, received 'tset'",
    "task show tracking --level 9": "of level 9 in split 'train' of task 'tracking', received none",
    "task show tracking --level two": "expected --level to be an integer, received 'two'",
    "task show tracking -n -1": "expected -n of at least 0, received -1",
    "task show tracking --task-options.x 1": "task 'tracking' (it has none), received 'x'",
    "task show tracking --model {tmp}": "a model with a tokenizer, received '{tmp}'",
    "task show gsm8k": "no connection; check the network, or give a local folder",
    "task show file --task-options.path {tmp}/no.csv": "rows of examples in '{tmp}/no.csv'",
    "task show mmlu-pro --task-options.by luck": "to be one of letter, likelihood, received",
    "search --task gsm8k": "no connection; check the network, or give a local folder",
    "import-labels": "file, num_layers, out",
    "import-labels {tmp}/no.json --num-layers 8 --out {tmp}/r": "a label file, received '{tmp}/no.",
    "import-labels {tmp}/file --num-layers x --out {tmp}/r": "--num-layers to be an integer, rec",
    "import-labels {tmp}/file --num-layers 8": "out",
    "export-labels {tmp} {tmp}/l.json": "expected a run folder, received '{tmp}'",
    "export-labels {tmp} {tmp}/l.json --format csv": "invalid choice: 'csv'",
    "verify-labels {tmp} --model bundled-tracking": "expected a run folder, received '{tmp}'",
    "verify-labels {tmp} --model bundled-tracking --limit 0": "--limit of at least 1, received 0",
    "push-to-hub {tmp} ./here": "expected a run folder, received '{tmp}'",
    "load {tmp}/broken --out {tmp}/r": "a run as a data set, received '{tmp}/broken'",
    "load nobody/none --out {tmp}/r": "a folder or a data set of the Hub, received 'nobody/none'",
    "list everything": "unrecognized arguments: everything",
    "demo --limit 3": "unrecognized arguments: --limit 3",
}


@pytest.fixture
def folder(tmp_path):
    """Files and folders that are not what a command expects."""
    (tmp_path / "file").touch()
    (tmp_path / "unknown.yaml").write_text("limitt: 3\n")
    (tmp_path / "type.yaml").write_text("limit: many\n")
    (tmp_path / "broken.yaml").write_text("limit: [1\n")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty.yaml").touch()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text('{"fixed": ')
    write_part(tmp_path / "strange" / "outcomes", OUTCOME_SCHEMA.empty_table())
    return tmp_path


def fails(capfd, arguments):
    """The one line that the command ends with."""
    assert cli.main(arguments) == 2
    captured = capfd.readouterr()
    assert captured.err.count("\n") == 1, captured.err
    assert captured.err.startswith("polar-search: ")
    assert "Traceback" not in captured.out
    return captured.err


def split(line, folder):
    """Arguments of a command line; what stands in braces stays together."""
    words = line.replace("{tmp}", str(folder)).replace(": ", ":\0").split(" ")
    return [word.replace("\0", " ") for word in words]


@pytest.mark.parametrize("line", MISTAKES)
def test_mistakes_are_one_line(capfd, folder, monkeypatch, line):
    monkeypatch.chdir(folder)
    message = fails(capfd, split(line, folder))
    assert MISTAKES[line].replace("{tmp}", str(folder)) in message
    assert ";" in message, "a remedy follows"
    assert not (folder / "runs").exists()


SMALL = ["search", "--limit", "1", "--level", "[1]", "--max-edits", "0"]


@pytest.fixture
def run(tmp_path):
    """A finished run."""
    assert cli.main([*SMALL, "--out", str(tmp_path / "run")]) == 0
    return tmp_path / "run"


def test_runs_of_another_configuration_are_refused(capfd, run):
    capfd.readouterr()
    arguments = [*SMALL, "--out", str(run), "--split", "val"]
    assert "split = 'train', received 'val'; choose a new folder with --out" in fails(
        capfd, arguments
    )


def test_broken_parts_are_named_and_computed_again(capfd, caplog, run):
    before = sorted(read_outcomes(run).to_pylist(), key=repr)
    capfd.readouterr()
    [part] = (run / "outcomes").iterdir()
    part.write_bytes(part.read_bytes()[:-9])
    assert f"received '{part}'" in fails(capfd, ["stats", str(run)])
    assert cli.main([*SMALL, "--out", str(run)]) == 0
    assert f"the part '{part}' cannot be read" in caplog.text
    assert sorted(read_outcomes(run).to_pylist(), key=repr) == before


def test_stats_of_a_run_without_outcomes(capfd, run):
    capfd.readouterr()
    [part] = (run / "outcomes").iterdir()
    part.unlink()
    assert "at least one outcome, received none" in fails(capfd, ["stats", str(run)])


def test_stats_of_a_task_that_has_changed(capfd, run):
    capfd.readouterr()
    config = json.loads((run / "config.json").read_text())
    config["fixed"]["task fingerprint"] = "another"
    (run / "config.json").write_text(json.dumps(config))
    assert "examples of task 'tracking'" in fails(capfd, ["stats", str(run)])


def test_agents_that_fail_are_named(capfd, tmp_path):
    options = ["--agent", "commands:Optional", "--agent-options", "{c: 1, name: x, fast: true}"]
    assert cli.main([*SMALL, *options, "--out", str(tmp_path / "good")]) == 0
    capfd.readouterr()
    options = ["--agent", "commands:Failing"]
    message = fails(capfd, [*SMALL, *options, "--out", str(tmp_path / "bad")])
    assert "agent Failing on example tracking-train-1-001, received ZeroDivisionError" in message
    assert "commands.py, line " in message
