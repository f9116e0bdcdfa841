"""Runs the code blocks of a page as a reader would, from top to bottom, in one folder."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

from pages import Block

from polar_search import cli

SMALL = {
    "search": "--limit 1 --budget 8 --threads 1",
    "train": "--epochs 1 --reinforce-epochs 1 --val-limit 1 --threads 1",
    "evaluate": "--limit 1 --k 2 --candidates 2 --temperatures [0.7] --threads 1",
    "report": "--only accuracy",
    "verify-labels": "--limit 1 --threads 1",
    "run": "--dry-run",
}
"""What makes a command quick enough for a test: options that come after the page's own."""
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def run_block(block: Block, folder: Path, names: dict[str, object]) -> None:
    """Run a block in `folder`; Python blocks of one page share `names`."""
    if block.title is not None:
        (folder / block.title).write_text(block.code, encoding="utf-8")
    elif block.not_run is None and block.language == "python":
        code = "\n" * (block.line - 1) + textwrap.dedent(block.code)
        exec(compile(code, str(block.page), "exec"), names)
    elif block.not_run is None and block.language == "sh":
        for command in block.commands:
            run_command(command, block)


def run_command(command: str, block: Block) -> None:
    """Run a line of a shell; ours in this process, since a process of its own takes seconds."""
    name, *arguments = shlex.split(command)
    if name == "polar-search" and not set("|<>") & set(command):
        small = shlex.split(SMALL.get(arguments[0], ""))
        assert cli.main([*arguments, *small]) == 0, f"{block.place}: {command}"
        return
    environment = os.environ | {"PATH": PATH, "PYTHONPATH": "."}
    done = subprocess.run(
        ["sh", "-c", command], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{block.place}: {command}\n{done.stdout}{done.stderr}"
