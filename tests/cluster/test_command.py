"""`search --cluster` and `status` as commands: kills, interrupts, lost nodes."""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from clustering import alive, ray_workers, rows_stored, searching, tables
from ray.cluster_utils import Cluster

from polar_search import cli

pytestmark = pytest.mark.timeout(900)  # Ray takes its time where others work, too
COMMAND = str(Path(sys.executable).with_name("polar-search"))
SEARCH = ["search", "--max-edits", "1", "--threads", "1", "--limit", "3", "--budget", "32"]
ON_TWO = ["--cluster", "local", "--workers", "2"]
SLOWLY = [*SEARCH, "--agent", "clustering:Slow", "--rows", "32"]
"""Agents that take their time, so that there is time to disturb them."""


def start(*arguments):
    """The command, running, in a process group of its own, and open to Ctrl-C."""
    heed = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([COMMAND, *arguments], preexec_fn=heed, start_new_session=True, **pipes)


def wait_for(condition, process):
    """Wait until `condition` holds, as long as the process runs."""
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def stored(run):
    """Whether something is stored."""
    return any((run / "outcomes").glob("*.parquet"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What the slow search leaves in one process."""
    run = tmp_path_factory.mktemp("undisturbed")
    assert cli.main([*SLOWLY, "--rows", "1024", "--out", str(run)]) == 0
    return tables(run)


def test_ctrl_c_stores_everything_and_the_same_command_goes_on(undisturbed, capsys, tmp_path):
    with start(*SLOWLY, *ON_TWO, "--out", str(tmp_path)) as process:
        wait_for(lambda: stored(tmp_path), process)
        # As a terminal does: to the driver and whatever it started in its group.
        os.killpg(process.pid, signal.SIGINT)
        out, errors = process.communicate()
    assert process.returncode == 130
    assert errors.splitlines()[-1] == (
        "polar-search: interrupted; what was evaluated is stored, the same command goes on"
    )
    assert "Traceback" not in out + errors
    kept = rows_stored(tmp_path)
    status = json.loads((tmp_path / "progress.json").read_text())
    assert status["state"] == "interrupted"
    assert status["progress"]["executed"] == kept < len(undisturbed[0])
    assert cli.main(["status", str(tmp_path)]) == 0
    assert "interrupted, as of" in capsys.readouterr().out

    assert cli.main([*SLOWLY, "--rows", "1024", "--out", str(tmp_path)]) == 0
    assert tables(tmp_path) == undisturbed
    assert rows_stored(tmp_path) == len(undisturbed[0])
    assert cli.main(["status", str(tmp_path)]) == 0
    assert "finished, as of" in capsys.readouterr().out


def test_a_killed_driver_takes_its_workers_along_and_goes_on(undisturbed, tmp_path, short_folder):
    with start(*SLOWLY, *ON_TWO, "--out", str(tmp_path)) as process:
        wait_for(lambda: stored(tmp_path), process)
        process.kill()
    while ray_workers(short_folder):  # orphans would end this by the time limit of the test
        time.sleep(0.05)
    assert 0 < rows_stored(tmp_path) < len(undisturbed[0])
    assert cli.main([*SLOWLY, "--rows", "1024", "--out", str(tmp_path)]) == 0
    assert tables(tmp_path) == undisturbed
    assert rows_stored(tmp_path) == len(undisturbed[0])


@pytest.mark.slow
def test_drivers_killed_at_random_moments(undisturbed, tmp_path, short_folder):
    """Twenty, each going on from where the last one stopped, on a cluster that lives on."""
    cluster = Cluster()
    cluster.add_node(num_cpus=2, include_dashboard=False, object_store_memory=80_000_000)
    search = [*SLOWLY, "--cluster", cluster.address, "--workers", "2", "--out", str(tmp_path)]
    drivers = multiprocessing.get_context("forkserver")
    drivers.set_forkserver_preload(["polar_search.cluster.search"])
    moments = random.Random(0)
    for _ in range(20):
        driver = drivers.Process(target=cli.main, args=(search,))
        driver.start()
        driver.join(moments.uniform(0.0, 6.0))
        driver.kill()
        driver.join()
        while ray_workers(short_folder):
            time.sleep(0.05)
    cluster.shutdown()
    assert cli.main([*SLOWLY, "--rows", "1024", "--out", str(tmp_path)]) == 0
    assert tables(tmp_path) == undisturbed
    assert rows_stored(tmp_path) == len(undisturbed[0])


def test_a_second_driver_is_refused_before_it_starts_anything(capsys, tmp_path):
    from polar_search.search.run import RunFolder

    with RunFolder(tmp_path).owned():
        assert cli.main([*SEARCH, *ON_TWO, "--out", str(tmp_path)]) == 2
    assert "received" in (message := capsys.readouterr().err)
    assert str(os.getpid()) in message


@pytest.mark.slow
def test_nodes_leave_and_join(undisturbed, tmp_path):
    """Both workers' node goes away; the search waits, says so, and goes on with a new node."""
    cluster = Cluster()
    small = {"object_store_memory": 80_000_000}
    cluster.add_node(num_cpus=0, include_dashboard=False, **small)
    node = cluster.add_node(num_cpus=2, **small)
    arguments = [*SLOWLY, "--cluster", cluster.address, "--workers", "3", "--out", str(tmp_path)]
    with start(*arguments) as process:
        wait_for(lambda: stored(tmp_path) and len(searching(tmp_path)) == 2, process)
        workers = searching(tmp_path)
        cluster.remove_node(node)
        wait_for(lambda: not any(map(alive, workers)), process)  # they may store until they end
        before = rows_stored(tmp_path)
        waiting = "3 of 3 workers wait for 1 CPU each; free in the cluster: 0 CPU\n"
        assert waiting in iter(process.stdout.readline, "")
        cluster.add_node(num_cpus=3, **small)
        _, errors = process.communicate()
    cluster.shutdown()
    assert process.returncode == 0, errors
    assert 0 < before < len(undisturbed[0])
    assert tables(tmp_path) == undisturbed
    assert rows_stored(tmp_path) == len(undisturbed[0])
    assert json.loads((tmp_path / "summary.json").read_text())["worker_deaths"] >= 2


def test_status_of_what_is_no_run(capsys, tmp_path):
    assert cli.main(["status", str(tmp_path)]) == 2
    assert "expected a run folder" in capsys.readouterr().err
    (tmp_path / "config.json").write_text('{"fixed": {}}')
    assert cli.main(["status", str(tmp_path)]) == 2
    assert "which has no progress.json; wait until it has begun" in capsys.readouterr().err
    (tmp_path / "progress.json").write_text('{"progress": 3}')
    assert cli.main(["status", str(tmp_path)]) == 2
    assert "which this version cannot read" in capsys.readouterr().err
