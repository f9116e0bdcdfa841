"""Help is quick; output that nobody reads is no error."""

import os
import subprocess
import sys
import time

import pytest
from commands import COMMAND, start

from polar_search import cli

SLOW_TO_IMPORT = ("torch", "transformers", "pyarrow", "scipy")


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_every_command(capsys, arguments):
    assert cli.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, text in cli.COMMANDS.items():
        assert any(line.split() == [name, *text.split()] for line in lines)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help(capsys, name):
    with pytest.raises(SystemExit) as caught:
        cli.main([name, "--help"])
    assert caught.value.code == 0
    assert f"usage: polar-search {name}" in capsys.readouterr().out


def test_help_answers_in_under_a_second():
    def seconds():
        started = time.monotonic()
        subprocess.run([COMMAND, "--help"], check=True, capture_output=True)
        return time.monotonic() - started

    assert min(seconds() for _ in range(3)) < 1


@pytest.mark.parametrize("arguments", [["--help"], ["search", "--help"], ["demo", "--help"]])
def test_help_imports_nothing_slow(arguments):
    command = [sys.executable, "-X", "importtime", COMMAND, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "polar_search.cli" in imported
    assert imported.isdisjoint(SLOW_TO_IMPORT)


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out[:2] == "0."


def test_list_tells_agents_tasks_and_models_with_their_options(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert cli.main(["list"]) == 0
    out = capsys.readouterr().out
    for words in (
        "agent exhaustive Exhaustive search",
        "agent random Random search",
        "task tracking Two words over",
        "task arithmetic Chains of",
        "model bundled-tracking bundled checkpoint",
    ):
        assert any(line.split()[:2] == words.split()[:2] for line in out.splitlines())


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["search", "--help"]])
def test_a_reader_that_leaves_early_is_no_error(arguments):
    read, write = os.pipe()
    os.close(read)
    with start(*arguments, stdout=write) as process:
        os.close(write)
        assert process.stderr.read() == ""
    assert process.returncode in (0, 1)
