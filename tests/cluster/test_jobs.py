"""A search as a Ray job: a head on loopback, `ray job submit`, logs followed, result read."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from clustering import tables

from polar_search import cli

pytestmark = pytest.mark.timeout(900)  # Ray takes its time where others work, too
COMMAND = str(Path(sys.executable).with_name("polar-search"))
RAY = [sys.executable, "-m", "ray.scripts.scripts"]
SEARCH = ["search", "--max-edits", "1", "--threads", "1", "--limit", "2", "--budget", "8"]


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@pytest.fixture
def head(tmp_path, short_folder, monkeypatch):
    """The address of the Jobs API of a head with two CPUs, in a process that ends with the test."""
    dashboard = free_port()
    ports = [f"--dashboard-port={dashboard}", f"--port={free_port()}"]
    for name in ("dashboard-agent-listen", "dashboard-agent-grpc", "ray-client-server"):
        ports.append(f"--{name}-port={free_port()}")
    options = ["--head", "--block", "--num-cpus=2", "--include-dashboard=true"]
    options += ["--object-store-memory=100000000", f"--temp-dir={short_folder}/j"]
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    with (tmp_path / "head.log").open("w") as log:
        process = subprocess.Popen([*RAY, "start", *options, *ports], stdout=log, stderr=log)
        address = f"http://127.0.0.1:{dashboard}"
        while not answers(f"{address}/api/version"):
            assert process.poll() is None, (tmp_path / "head.log").read_text()
            time.sleep(0.1)
        yield address
        process.terminate()
        process.wait()


def answers(url):
    try:
        return urllib.request.urlopen(url, timeout=5).status == 200
    except OSError:
        return False


@pytest.mark.slow
def test_a_search_is_submitted_followed_and_read(head, tmp_path):
    environment = {"env_vars": {"PYTHONPATH": os.environ["PYTHONPATH"], "RAY_TMPDIR": ""}}
    (tmp_path / "job").mkdir()
    submit = ["job", "submit", "--address", head, "--working-dir", str(tmp_path / "job")]
    submit += ["--runtime-env-json", json.dumps(environment), "--"]
    search = [*SEARCH, "--cluster", "auto", "--workers", "2", "--out", str(tmp_path / "run")]
    done = subprocess.run([*RAY, *submit, COMMAND, *search], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "90 outcomes of 10 examples (90 executed, 0 from the store)" in done.stdout
    assert "succeeded" in done.stdout

    assert cli.main([*SEARCH, "--out", str(tmp_path / "alone")]) == 0
    assert tables(tmp_path / "run") == tables(tmp_path / "alone")

    wrong = [*RAY, *submit, COMMAND, "search", "--cluster", "auto", "--agent", "randon"]
    failed = subprocess.run(wrong, capture_output=True, text=True)
    assert failed.returncode != 0
    assert "did you mean random?" in failed.stdout + failed.stderr
