"""`polar-search task show` prints what a model will see."""

import json
import subprocess

import pytest
from commands import COMMAND

from polar_search import cli

QUESTION = "What is [bold]two[/bold] and one?"


@pytest.fixture
def path(tmp_path):
    """Two levels of one's own questions, among them one that looks like markup."""
    rows = [{"q": QUESTION, "a": 3, "l": 2}, {"q": "What is 1?", "a": "1", "l": 1}]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps({**row, "s": "val"}) + "\n" for row in rows))
    return path


def show(capsys, path, *arguments):
    columns = {"path": path, "question": "q", "answer": "a", "level": "l", "split": "s"}
    options = [f"--task-options.{name}={value}" for name, value in columns.items()]
    assert cli.main(["task", "show", "file", *options, "--split", "val", *arguments]) == 0
    return capsys.readouterr().out


def test_shows_sizes_prompts_and_answers(capsys, path):
    lines = show(capsys, path, "-n", "2").splitlines()
    assert [line.split() for line in lines[1:4]] == [
        *(["train", "0", "0", "0"], ["val", "1", "1", "2"], ["test", "0", "0", "0"]),
    ]
    assert QUESTION in lines
    assert lines.count("### Problem Start") == 2
    assert [line for line in lines if line.startswith("answer")] == ["answer: 3", "answer: 1"]


def test_shows_one_level_in_the_wording_asked_for(capsys, path):
    out = show(capsys, path, "-n", "5", "--level", "1", "--task-options.prompt=plain")
    assert "What is 1?\nAnswer:\n" in out
    assert QUESTION not in out


def test_shows_the_choices_of_a_task_that_has_some(capsys):
    assert cli.main(["task", "show", "commands:Choosing"]) == 0
    assert "choices: ' A', ' B'" in capsys.readouterr().out


def test_finds_classes_in_the_folder_at_hand(tmp_path):
    code = "from polar_search.tasks.bundled import Tracking\nclass Mine(Tracking):\n    pass\n"
    (tmp_path / "mine.py").write_text(code)
    command = [COMMAND, "task", "show", "mine:Mine"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "train  400" in done.stdout
