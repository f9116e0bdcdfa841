"""What docs/write_an_agent.md shows works as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from polar_search.search.store import read_outcomes

TEXT = (Path(__file__).parents[2] / "docs" / "write_an_agent.md").read_text(encoding="utf-8")
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def block(language, marker):
    """The code block that holds `marker`."""
    blocks = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return next(code for code in blocks if marker in code)


@pytest.fixture
def folder(tmp_path):
    """A folder with the files that the document asks for."""
    (tmp_path / "shrink.py").write_text(block("python", "class ShrinkAgent"))
    (tmp_path / "test_shrink.py").write_text(block("python", "class TestShrinkAgent"))
    return tmp_path


def run(command, folder):
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_agent_is_useful_in_at_most_30_lines():
    assert len(block("python", "class ShrinkAgent").splitlines()) <= 30


def test_the_agent_finds_shallower_programs_with_the_command_of_the_document(folder):
    run(block("sh", "polar-search search").replace("--level", "--threads 1 --level"), folder)
    outcomes = read_outcomes(folder / "runs" / "shrink").to_pylist()
    assert len({row["example_id"] for row in outcomes}) == 2
    assert len(outcomes) > 2
    assert any(row["correct"] and row["depth"] < 8 for row in outcomes)


def test_the_agent_passes_the_suite_as_the_document_enrols_it(folder):
    printed = run("python -m pytest -q -p no:cacheprovider test_shrink.py", folder)
    assert re.search(r"\d\d passed", printed)
    assert "failed" not in printed
