"""The store on file systems and object stores, with many writers, merging, and full disks."""

import json
import logging
import os
import socket
import subprocess
import sys
from threading import Event, Thread

import pytest
from searching import run

from polar_search.errors import RunError
from polar_search.program import Program
from polar_search.search import ownership, parts, store
from polar_search.search.outcome import Outcome, TraceStep
from polar_search.search.parts import merge_parts, part_names
from polar_search.search.places import place_of
from polar_search.search.run import RunFolder, is_run, open_run
from polar_search.search.store import (
    OUTCOME_KEY,
    OUTCOME_SCHEMA,
    Fingerprints,
    Store,
    read_outcomes,
    read_trace,
    tidy,
)

PRINTS = Fingerprints("m", "t", "d")
IDENTITY = Program.identity(4)
KINDS = ("path", "file", "memory")


@pytest.fixture(params=KINDS)
def location(request, tmp_path):
    """A folder as a path, as a file:// URL, and in an object store."""
    urls = {"path": tmp_path, "file": f"file://{tmp_path}", "memory": f"memory:/{tmp_path}"}
    return urls[request.param]


def outcome(example, text="a"):
    return Outcome(example, 1, IDENTITY, text, True)


def write(location, *examples):
    writer = Store(location, PRINTS, "agent")
    writer.append([outcome(e) for e in examples], [TraceStep(e, 0, IDENTITY) for e in examples])
    writer.flush()


def examples_of(location):
    return sorted(read_outcomes(location)["example_id"].to_pylist())


def test_every_kind_of_place_holds_a_store(location):
    write(location, "e1", "e2")
    write(location, "e3")
    assert examples_of(location) == ["e1", "e2", "e3"]
    assert sorted(read_trace(location)["example_id"].to_pylist()) == ["e1", "e2", "e3"]
    again = Store(location, PRINTS, "agent")
    assert again.known("e2", 4) == {IDENTITY: outcome("e2")}
    assert again.traced_steps("e3") == {0}


def test_every_kind_of_place_holds_a_run(location):
    assert not is_run(location)
    folder = RunFolder(location)
    with folder.owned():
        folder.begin({"model": "m"}, {})
        with pytest.raises(RunError, match="model = 'm', received 'n'"):
            folder.begin({"model": "n"}, {})
    assert open_run(location).fixed() == {"model": "m"}


def test_a_search_into_an_object_store_equals_one_into_a_folder(loaded, tmp_path):
    options = {"agent": "random", "budget": 3}
    url = f"memory:/{tmp_path}"
    run(loaded, tmp_path, **options)
    run(loaded, url, **options)
    rows = [sorted(map(repr, read_outcomes(x).to_pylist())) for x in (tmp_path, url)]
    assert rows[0] == rows[1]
    assert run(loaded, url, **options).executed == 0


def test_parts_cut_short_are_set_aside_on_any_place(location, caplog):
    write(location, "e1")
    write(location, "e2")
    place = place_of(location).below("outcomes")
    name = part_names(place)[1]
    place.write(name, place.read(name)[:-20])
    with caplog.at_level(logging.WARNING):
        left = Store(location, PRINTS, "agent")
    assert [len(left.known(e, 4)) for e in ("e1", "e2")] == [1, 0]
    assert name in caplog.text
    assert f"{name}.broken" in place.names()
    assert examples_of(location) == ["e1"]


@pytest.mark.parametrize("url", ["s3://bucket/run", "nowhere://run"])
def test_places_that_cannot_be_opened_are_named(url, monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)  # as if it were not installed
    with pytest.raises(RunError, match=f"received '{url}'") as caught:
        RunFolder(url)
    if url.startswith("s3"):
        assert "s3fs" in str(caught.value)


def test_merging_changes_no_row_and_leaves_few_parts(location):
    for i in range(7):
        write(location, f"e{i}", f"e{i + 1}")
    place = place_of(location).below("outcomes")
    before = read_outcomes(location)
    merge_parts(place, OUTCOME_SCHEMA, OUTCOME_KEY)
    assert len(part_names(place)) == 1
    assert read_outcomes(location).equals(before)


def test_large_parts_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "ROWS_OF_A_MERGED_PART", 6)
    for examples in (["a"], ["b", "c", "d"], ["e"], ["f"], ["g"]):
        write(tmp_path, *examples)
    large = part_names(tmp_path / "outcomes")[1]
    merge_parts(tmp_path / "outcomes", OUTCOME_SCHEMA, OUTCOME_KEY)
    names = part_names(tmp_path / "outcomes")
    assert (len(names), names[1]) == (3, large)
    assert examples_of(tmp_path) == list("abcdefg")


def test_a_crash_while_merging_loses_and_doubles_nothing(tmp_path, monkeypatch):
    for i in range(4):
        write(tmp_path, f"e{i}")
    removed = []

    def crash(self, name):
        removed.append(name)
        if len(removed) == 3:
            raise KeyboardInterrupt
        (self.path / name).unlink()

    monkeypatch.setattr("polar_search.search.places.FolderPlace.remove", crash)
    with pytest.raises(KeyboardInterrupt):
        merge_parts(tmp_path / "outcomes", OUTCOME_SCHEMA, OUTCOME_KEY)
    assert len(part_names(tmp_path / "outcomes")) == 3  # merged, and two that did not go
    assert examples_of(tmp_path) == ["e0", "e1", "e2", "e3"]


def test_a_reader_misses_nothing_while_parts_are_merged(tmp_path, monkeypatch):
    """The parts are merged after the reader has listed them."""
    for i in range(4):
        write(tmp_path, f"e{i}")
    place, read = place_of(tmp_path).below("outcomes"), type(place_of(tmp_path)).read

    def read_after_merging(self, name):
        monkeypatch.undo()
        merge_parts(place, OUTCOME_SCHEMA, OUTCOME_KEY)
        return read(self, name)

    monkeypatch.setattr("polar_search.search.places.FolderPlace.read", read_after_merging)
    assert examples_of(tmp_path) == ["e0", "e1", "e2", "e3"]


def test_writers_merge_their_own_parts_side_by_side(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "PARTS_BEFORE_MERGING", 5)

    def write_many(name):
        writer = Store(tmp_path, PRINTS, name, flush_rows=1)
        for i in range(23):
            writer.append([outcome(f"{name}{i}")], [TraceStep(f"{name}{i}", 0, IDENTITY)])

    threads = [Thread(target=write_many, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert examples_of(tmp_path) == sorted(f"{name}{i}" for name in "abcd" for i in range(23))
    assert len(read_trace(tmp_path)) == 4 * 23
    assert len(part_names(tmp_path / "outcomes")) == 4 * (23 // 5 + 23 % 5)


def test_the_owner_tidies_up_what_is_many(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "PARTS_BEFORE_MERGING", 3)
    for i in range(3):
        write(tmp_path, f"e{i}")
    tidy(tmp_path)
    assert len(part_names(tmp_path / "outcomes")) == 3
    write(tmp_path, "e3")
    tidy(tmp_path)
    assert [len(part_names(tmp_path / name)) for name in ("outcomes", "trace")] == [1, 1]
    assert examples_of(tmp_path) == ["e0", "e1", "e2", "e3"]


def test_clocks_that_jump_back_change_nothing(tmp_path, monkeypatch):
    for i, now in enumerate((5e9, 3e9, 4e9, 0)):
        monkeypatch.setattr("time.time_ns", lambda now=now: int(now))
        write(tmp_path, f"e{i}")
    merge_parts(tmp_path / "outcomes", OUTCOME_SCHEMA, OUTCOME_KEY)
    assert examples_of(tmp_path) == ["e0", "e1", "e2", "e3"]


FULL_DISK = """
import resource, sys
from pathlib import Path
from polar_search.errors import RunError
from polar_search.program import Program
from polar_search.search.outcome import Outcome
from polar_search.search.store import Fingerprints, Store

store = Store(sys.argv[1], Fingerprints("m", "t", "d"), "agent")
store.append([Outcome(f"e{i}", 1, Program.identity(4), str(i), True) for i in range(999)], [])
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
try:
    store.flush()
except RunError as error:
    print(error)
print([p.name for p in Path(sys.argv[1]).rglob("*.*")])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.flush()
"""


def test_a_full_disk_is_said_and_nothing_is_lost(tmp_path):
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    error, left = done.stdout.splitlines()
    assert error.startswith(f"expected to write '{tmp_path}/outcomes/")
    assert "received File too large; make room" in error
    assert left == "[]"  # not even the beginning of a part is in the way
    assert read_outcomes(tmp_path).num_rows == 999


@pytest.fixture
def fast(monkeypatch):
    """Beats of an owner come fast, so that silence is noticed soon."""
    monkeypatch.setattr(ownership, "SECONDS_BETWEEN_BEATS", 0.2)


def test_an_object_store_has_one_owner_who_beats(tmp_path, fast):
    url = f"memory:/{tmp_path}"
    with RunFolder(url).owned():
        me = rf"by process {os.getpid()} on {socket.gethostname()} since 20"
        with pytest.raises(RunError, match=me), RunFolder(url).owned():
            pass
    assert place_of(url).names() == []
    with RunFolder(url).owned():
        assert place_of(url).names() == ["lock"]


@pytest.mark.parametrize(
    "owner",
    [
        b'{"host": "gone", "pid": 1, "since": "2026-01-01", "token": "x", "beat": 4}',
        b'{"host": "ours", "pid": 1, "tok',  # cut short
    ],
)
def test_an_owner_that_is_silent_is_gone(tmp_path, fast, owner):
    url = f"memory:/{tmp_path}"
    place_of(url).write("lock", owner)
    with RunFolder(url).owned():
        assert json.loads(place_of(url).read("lock"))["pid"] == os.getpid()


def test_an_owner_of_this_machine_that_has_ended_is_gone_at_once(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    url = f"memory:/{tmp_path}"
    owner = {"host": socket.gethostname(), "pid": ended.pid, "since": "2026-01-01"}
    place_of(url).write("lock", json.dumps(owner).encode())
    entered = Event()
    with RunFolder(url).owned():
        entered.set()
    assert entered.is_set()


def test_what_a_cloud_refuses_is_one_line(tmp_path, monkeypatch):
    place = place_of(f"memory:/{tmp_path}")

    def refuse(*_, **__):
        raise ValueError("no\ncredentials")

    monkeypatch.setattr(place._files, "pipe_file", refuse)
    writer = Store(place, PRINTS, "agent")
    writer.append([outcome("e1")], [])
    with pytest.raises(RunError, match="received ValueError: no credentials; make room"):
        writer.flush()
    monkeypatch.undo()
    writer.flush()
    assert examples_of(place) == ["e1"]
