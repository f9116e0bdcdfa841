"""What docs/your_task.md shows works as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from polar_search.cli import COMMANDS
from polar_search.registry import options_of
from polar_search.tasks import TASKS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "your_task.md").read_text(encoding="utf-8")


def test_the_class_of_the_document_is_a_task_with_options(tmp_path):
    [code] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "mine.py").write_text(code)
    command = "from polar_search.cli import main; raise SystemExit(main())"
    options = ["task", "show", "mine:Reversed", "--task-options", "{words: [dog, cat]}", "-n", "2"]
    done = subprocess.run(
        [sys.executable, "-c", command, *options], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "dog reversed is\n" in done.stdout
    assert "answer: tac\n" in done.stdout


@pytest.mark.parametrize("name", ["your_task", "exchange"])
def test_the_commands_of_the_documents_exist(name):
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^polar-search ([\w-]+)", text, re.MULTILINE))
    assert named
    assert named <= COMMANDS.keys()


def test_the_options_and_tasks_of_the_document_exist():
    documented = {
        name
        for line in TEXT.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([a-z0-9-]+)`", line.split("|")[1])
    }
    known = {option for name in TASKS.names() for option in options_of(TASKS.load(name))}
    assert documented <= known | set(TASKS.names())
    assert set(TASKS.names()) - {"tracking", "arithmetic", "file"} <= documented
