"""Run folders: one configuration, one writer, errors in one line."""

import json
import os
import socket
import subprocess
import sys

import pytest

from polar_search.errors import RunError
from polar_search.search.run import RunFolder, environment, open_run
from polar_search.search.store import OUTCOME_SCHEMA, write_part

FIXED = {"model": "m", "segmentation": (4, 4), "max_depth": None, "agent_options": {"c": 1.5}}


def test_a_folder_is_made_with_its_parents_and_goes_on(tmp_path):
    folder = RunFolder(tmp_path / "a" / "b")
    for config in ({"limit": 1}, {"limit": 2}):
        with folder.owned():
            folder.begin(FIXED, config)
        assert folder.read("config.json")["config"] == config
    assert folder.fixed() == {**FIXED, "segmentation": [4, 4]}
    starts = folder.read("environment.json")
    assert len(starts) == 2
    assert starts[0].keys() == environment().keys() | {"config"}
    assert [start["config"] for start in starts] == [{"limit": 1}, {"limit": 2}]
    assert starts[0]["packages"]["torch"]
    assert open_run(folder.path).fixed() == folder.fixed()
    assert [p.name for p in folder.path.iterdir() if p.suffix == ".partial"] == []


@pytest.mark.parametrize(
    ("changed", "before", "now"),
    [
        ({"model": "n"}, "model = 'm'", "'n'"),
        ({"segmentation": [2, 6]}, r"segmentation = \[4, 4\]", r"\[2, 6\]"),
        ({"max_depth": 9}, "max_depth = None", "9"),
        ({"agent_options": {"c": 2}}, "agent_options = {'c': 1.5}", "{'c': 2}"),
        ({"new": True}, "new = None", "True"),
    ],
)
def test_another_configuration_is_refused_by_name(tmp_path, changed, before, now):
    folder = RunFolder(tmp_path)
    folder.begin(FIXED, {})
    content = (tmp_path / "config.json").read_bytes()
    with pytest.raises(RunError, match=f"{before}, received {now}; choose a new folder"):
        folder.begin({**FIXED, **changed}, {})
    assert (tmp_path / "config.json").read_bytes() == content


def test_outcomes_without_a_config_are_not_taken_over(tmp_path):
    write_part(tmp_path / "outcomes", OUTCOME_SCHEMA.empty_table())
    with pytest.raises(RunError, match=r"expected a config\.json beside the outcomes"):
        RunFolder(tmp_path).begin(FIXED, {})


@pytest.mark.parametrize("content", ['{"fixed": {', "", "[]", "{}", "3", '{"fixed": 3}', "\xff"])
def test_a_broken_config_is_named(tmp_path, content):
    (tmp_path / "config.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(RunError, match=r"received '.*config\.json'.*; restore it") as caught:
        RunFolder(tmp_path).begin(FIXED, {})
    assert "\n" not in str(caught.value)


def test_a_folder_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(RunError, match=rf"expected to write '{path}'"), RunFolder(path).owned():
            pass


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "summary.json").mkdir()
    with pytest.raises(RunError, match=r"expected to write '.*summary\.json'.*; make room"):
        RunFolder(tmp_path).write("summary.json", {})


def test_no_run_is_told_from_a_run(tmp_path):
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(RunError, match=r"no config\.json; make one with `polar-search search"):
            open_run(path)


HOLD = """
import sys
from pathlib import Path
from polar_search.search.run import RunFolder
with RunFolder(Path(sys.argv[1])).owned():
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_folder_has_one_writer_until_its_process_ends(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as owner:
        assert owner.stdout.readline() == b"ready\n"
        with (
            pytest.raises(
                RunError, match=f"by process {owner.pid} on {socket.gethostname()} since 20.*; wait"
            ),
            RunFolder(tmp_path).owned(),
        ):
            pass
        owner.kill()
    for _ in range(2):
        with RunFolder(tmp_path).owned():
            assert json.loads((tmp_path / "lock").read_text())["pid"] == os.getpid()


def test_json_is_plain(tmp_path):
    RunFolder(tmp_path).write("summary.json", {"a": 1})
    assert json.loads((tmp_path / "summary.json").read_text()) == {"a": 1}
