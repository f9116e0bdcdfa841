"""What the README shows works as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def block(marker):
    """The Python block of the README that holds `marker`."""
    return next(code for code in re.findall(r"```python\n(.*?)```", TEXT, re.S) if marker in code)


def polar_search(*arguments, cwd):
    command = [sys.executable, "-c", "from polar_search.cli import main; raise SystemExit(main())"]
    return subprocess.run([*command, *arguments], cwd=cwd, capture_output=True, text=True)


def test_task_and_agent_of_the_readme_run_a_search(tmp_path):
    (tmp_path / "mine.py").write_text(block("class MyTask") + block("class Prefixes"))
    arguments = ("--model", "bundled-tracking", "--task", "mine:MyTask", "--agent", "mine:Prefixes")
    done = polar_search(
        "search", *arguments, "--max-edits", "null", "--threads", "1", "--out", "run", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "8 outcomes of 1 examples" in " ".join(done.stdout.split())


def test_engine_of_the_readme_answers_with_a_program(monkeypatch, capsys):
    from polar_search.models import locate
    from polar_search.tasks.bundled import Tracking

    code = block("ProgramEngine.from_pretrained")
    code = code.replace("Qwen/Qwen2.5-0.5B-Instruct", locate("bundled", Tracking()))
    code = code.replace("K8 S2 K14", "K4 S2 K2").replace("The capital of France is", "abcd.efgh=")
    exec(compile(code, "README.md", "exec"), {})
    assert len(capsys.readouterr().out.strip()) == 2


def test_environment_of_the_readme_takes_a_step():
    names = {}
    exec(compile(block("gymnasium.make"), "README.md", "exec"), names)
    assert names["observation"]["executions"].max() >= 0


def test_every_link_and_command_of_the_readme_exists():
    from polar_search.cli import COMMANDS

    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", TEXT):
        assert (ROOT / link).exists(), link
    for command in re.findall(r"^polar-search ([\w-]+)", TEXT, re.M):
        assert command in COMMANDS
