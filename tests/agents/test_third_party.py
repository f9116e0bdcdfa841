"""A package of somebody else's: installed by pip, found by name, its options usable."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from polar_search.search.store import read_outcomes

PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "prefixes-for-polar-search"
version = "1.0"

[project.entry-points."polar_search.agents"]
prefixes = "prefixes:PrefixAgent"

[tool.setuptools]
py-modules = ["prefixes"]
"""

MODULE = '''
from polar_search import Agent, Program


class PrefixAgent(Agent):
    """Leaves after the first layers, a few less every time."""

    def __init__(self, space, seed, step: int = 1):
        super().__init__(space, seed)
        depth = space.num_layers
        paths = (Program.from_path(range(k), depth) for k in range(depth - step, 0, -step))
        self._rest = [program for program in paths if program in space]

    def ask(self, n):
        asked, self._rest = self._rest[:n], self._rest[n:]
        return asked
'''

COMMAND = str(Path(sys.executable).with_name("polar-search"))


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The environment of a shell in which the package is installed."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    (source / "pyproject.toml").write_text(PYPROJECT)
    (source / "prefixes.py").write_text(MODULE)
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps"]
    command = [*pip, "--no-build-isolation", "--target", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True, cwd=source)
    return os.environ | {"PYTHONPATH": str(target), "COLUMNS": "300"}


def run(environment, *arguments):
    done = subprocess.run(
        [COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_an_installed_agent_is_listed_with_its_options(environment):
    code, printed = run(environment, "list")
    assert code == 0
    [line] = [line for line in printed.splitlines() if "prefixes" in line]
    assert line.split()[:3] == ["agent", "prefixes", "step=1"]
    assert "Leaves after the first layers" in line


def test_an_installed_agent_searches_with_its_options(environment, tmp_path):
    given = ["--agent", "prefixes", "--agent-options.step=3", "--limit=1", "--level=[1]"]
    out = ["--max-edits=null", "--threads=1", "--out", str(tmp_path / "run")]
    code, printed = run(environment, "search", *given, *out)
    assert code == 0, printed
    depths = {row["depth"] for row in read_outcomes(tmp_path / "run").to_pylist()}
    assert depths == {8, 5, 2}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            "step=many",
            "expected option 'step' of agent 'prefixes' to be an integer, received 'many'",
        ),
        ("stepp=1", "(step), received 'stepp'"),
    ],
)
def test_wrong_options_are_refused_in_one_line(environment, tmp_path, option, message):
    given = ["--agent", "prefixes", f"--agent-options.{option}", "--out", str(tmp_path)]
    code, printed = run(environment, "search", *given)
    assert code != 0
    assert message in " ".join(printed.split())
    assert "Traceback" not in printed
