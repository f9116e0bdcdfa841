"""Searches on a real Ray cluster leave what a search in one process leaves, whoever dies."""

import json
import os
import signal
from dataclasses import replace
from types import SimpleNamespace

import pytest
from clustering import CONFIG, POISON, rows_stored, tables

from polar_search.cluster.config import ClusterConfig
from polar_search.cluster.fleet import Fleet
from polar_search.cluster.search import search_on_cluster
from polar_search.errors import ClusterError, RunError
from polar_search.search.session import Session
from polar_search.search.status import read_status

# Ray takes its time where others work, too.
pytestmark = [pytest.mark.usefixtures("four_cpus"), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What a search in this process leaves."""
    folder = tmp_path_factory.mktemp("alone")
    session = Session.load(CONFIG)
    progress = session.run(folder)
    return SimpleNamespace(folder=folder, session=session, progress=progress, tables=tables(folder))


def search(out, workers=2, seen=None, **options):
    config = replace(CONFIG, **options)
    cluster = ClusterConfig("auto", workers, tensorboard=str(out / "log"))
    return search_on_cluster(config, cluster, out, (seen if seen is not None else []).append)


@pytest.mark.parametrize("workers", [1, 2, pytest.param(4, marks=pytest.mark.slow)])
def test_any_number_of_workers_leaves_the_same(alone, tmp_path, workers):
    seen = []
    status = search(tmp_path, workers, seen)
    assert tables(tmp_path) == alone.tables
    assert rows_stored(tmp_path) == len(alone.tables[0])
    assert (status.state, status.queue, status.deaths) == ("finished", 0, 0)
    assert len(status.workers) == workers
    assert status == seen[-1]
    for name in ("examples", "programs", "executed", "reused", "valid"):
        assert getattr(status.progress, name) == getattr(alone.progress, name)
    config, ours = (json.loads((f / "config.json").read_text()) for f in (alone.folder, tmp_path))
    assert config == ours
    assert read_status(tmp_path) == status
    assert list((tmp_path / "log").glob("events.out.tfevents.*"))


@pytest.mark.slow
def test_a_run_grows_and_moves_between_cluster_and_one_process(alone, tmp_path):
    search(tmp_path, limit=1)
    status = search(tmp_path, limit=3, budget=9)
    assert status.progress.reused == 5 * 10
    progress = alone.session.run(tmp_path)
    assert progress.reused == 5 * 25 + 10 * 10
    assert tables(tmp_path) == alone.tables
    status = search(tmp_path)
    assert (status.progress.executed, status.progress.reused) == (0, len(alone.tables[0]))


def test_a_poisonous_example_is_set_aside_and_named(alone, tmp_path):
    status = search(tmp_path, agent="clustering:Poisonous")
    assert status.deaths == 3
    [trouble] = status.troubles
    assert trouble.startswith(f"example {POISON} is set aside, since 3 workers died of it")
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["set_aside"] == [POISON]
    assert summary["examples"] == status.examples - 1
    outcomes, _ = tables(tmp_path)
    assert [row for row in outcomes if row["example_id"] != POISON] == [
        row for row in alone.tables[0] if row["example_id"] != POISON
    ]


def test_a_killed_worker_is_replaced_and_its_agents_are_replayed(tmp_path):
    (tmp_path / "marks").mkdir()
    options = {"agent": "clustering:KillsOnce", "agent_options": {"folder": f"{tmp_path}/marks"}}
    status = search(tmp_path / "killed", **options)
    assert status.deaths == 1
    assert not status.troubles
    undisturbed = search(tmp_path / "undisturbed", **options)
    assert undisturbed.deaths == 0
    assert tables(tmp_path / "killed") == tables(tmp_path / "undisturbed")
    assert rows_stored(tmp_path / "killed") == undisturbed.progress.executed
    assert status.progress.programs == undisturbed.progress.programs
    assert status.progress.valid == undisturbed.progress.valid


FOR_ALL = {"agent": "evolution", "agent_options": {"scope": "dataset"}, "chunk": 2}
FOR_ALL |= {"limit": 1, "budget": 12, "ask_batch": 4}
RANKED = {**FOR_ALL, "agent": "importance", "agent_options": {}}
FOR_ONE = {"agent": "exhaustive", "level": (2,), "limit": 1, "ask_batch": 12}


@pytest.fixture
def kills(monkeypatch):
    """Kills the worker that gets the first part of an evaluation, if anything is put in here."""
    waiting, call = [], Fleet.call

    def call_and_kill(fleet, member, method, *arguments):
        call(fleet, member, method, *arguments)
        if method == "evaluate" and waiting:
            os.kill(member.where.pid, waiting.pop())

    monkeypatch.setattr(Fleet, "call", call_and_kill)
    return waiting


@pytest.mark.parametrize(
    ("options", "workers", "killed"),
    [
        pytest.param(FOR_ONE, 2, False, id="one example"),
        pytest.param(FOR_ALL, 2, True, id="all, a worker is killed"),
        pytest.param(RANKED, 4, False, id="all, four workers", marks=pytest.mark.slow),
    ],
)
def test_evaluations_cut_for_all_workers_leave_the_same(options, workers, killed, kills, tmp_path):
    """An agent of all examples, and fewer examples than workers; what is valid runs again alone."""
    here, there = tmp_path / "here", tmp_path / "there"
    progress = Session.load(replace(CONFIG, confirm=True, **options)).run(here)
    kills += [signal.SIGKILL] * killed
    status = search(there, workers, **options, confirm=True)
    assert tables(there) == tables(here)
    assert rows_stored(there) == len(tables(here)[0])
    assert (status.state, status.deaths, len(status.workers)) == ("finished", killed, workers)
    for name in ("examples", "programs", "executed", "reused", "valid"):
        assert getattr(status.progress, name) == getattr(progress, name)
    summaries = [json.loads((run / "summary.json").read_text()) for run in (here, there)]
    assert summaries[0]["confirmation"] == summaries[1]["confirmation"]
    assert summaries[0]["confirmation"]["confirmed"] == progress.valid


def test_rows_that_kill_their_workers_are_named(tmp_path):
    with pytest.raises(ClusterError, match=f"rows of .*{POISON}.*, received 3 deaths, the last"):
        search(tmp_path, 1, task="clustering:Deadly", level=(1,), agent="sweep")


def test_a_folder_of_another_configuration_is_refused(alone):
    with pytest.raises(RunError, match="split = 'train', received 'val'"):
        search(alone.folder, split="val")
