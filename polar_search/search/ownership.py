"""One driver a run: who owns a run folder, and how another one sees that it is gone.

On a file system the operating system holds the lock and gives it back however the process ends. An
object store has no locks: there the owner beats, in a file with its name, and an owner that has not
beaten for a while is gone. That while is measured by the one who waits, on a clock that only goes
forward, so that clocks of other machines do not matter. Should two drivers still come together, the
run is not harmed: outcomes have keys.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event, Thread

from polar_search.errors import RunError
from polar_search.search.places import FolderPlace, Place, writing

OWNER = "lock"
SECONDS_BETWEEN_BEATS = 5.0
MISSED_BEATS = 3


@contextmanager
def owned(place: Place) -> Iterator[None]:
    """Own the run in `place` while the block runs.

    Raises:
        RunError: The place cannot be written, or another process owns it.
    """
    held = _locked(place) if isinstance(place, FolderPlace) else _beating(place)
    with held:
        yield


@contextmanager
def _locked(place: FolderPlace) -> Iterator[None]:
    with writing(place):
        place.path.mkdir(parents=True, exist_ok=True)
        file = (place.path / OWNER).open("a+", encoding="utf-8")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise _refusal(place, file.read()) from error
        # What a stale lock says is about a process that has ended.
        file.truncate(0)
        with writing(place.path / OWNER):
            file.write(json.dumps(_owner()))
            file.flush()
        yield


@contextmanager
def _beating(place: Place) -> Iterator[None]:
    _wait_for_silence(place)
    owner, stop = _owner() | {"token": uuid.uuid4().hex}, Event()
    with writing(f"{place}/{OWNER}"):
        _beat(place, owner, 0)
        _refuse_another(place, owner["token"])

    def go_on_beating() -> None:
        beat = 0
        while not stop.wait(SECONDS_BETWEEN_BEATS):
            beat += 1
            try:
                _beat(place, owner, beat)
            except OSError:
                continue  # the next beat may get through; what matters is told by the store

    beating = Thread(target=go_on_beating, daemon=True)
    beating.start()
    try:
        yield
    finally:
        stop.set()
        beating.join()
        place.remove(OWNER)


def _beat(place: Place, owner: dict[str, str | int], beat: int) -> None:
    place.write(OWNER, json.dumps(owner | {"beat": beat}).encode())


def _wait_for_silence(place: Place) -> None:
    """Return when there is no owner, or none that beats."""
    first = _read(place)
    if first is None or _has_ended(first):
        return
    started = time.monotonic()
    while time.monotonic() - started < MISSED_BEATS * SECONDS_BETWEEN_BEATS:
        time.sleep(SECONDS_BETWEEN_BEATS / 10)
        now = _read(place)
        if now is None:
            return
        if now != first:
            raise _refusal(place, now)


def _refuse_another(place: Place, token: str | int) -> None:
    """Of two that came at the same moment, the one that wrote last goes on."""
    found = _read(place)
    if found is not None and _fields(found).get("token") != token:
        raise _refusal(place, found)


def _read(place: Place) -> str | None:
    try:
        return place.read(OWNER).decode(errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(
            f"expected to read '{place}/{OWNER}', received {error.strerror or error}; see that the "
            "place can be reached, and run the same command again"
        ) from error


def _owner() -> dict[str, str | int]:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"host": socket.gethostname(), "pid": os.getpid(), "since": since}


def _fields(owner: str) -> dict[str, str | int]:
    try:
        return dict(json.loads(owner))
    except (TypeError, ValueError):
        return {}


def _has_ended(owner: str) -> bool:
    """Whether the owner was a process of this machine that is no more."""
    fields = _fields(owner)
    if fields.get("host") != socket.gethostname() or fields.get("pid") == os.getpid():
        return False
    try:
        os.kill(int(fields["pid"]), 0)
    except ProcessLookupError:
        return True
    except (KeyError, ValueError, PermissionError):
        return False
    return False


def _refusal(place: Place, owner: str) -> RunError:
    fields = {"pid": "unknown", "host": "unknown", "since": "unknown"} | _fields(owner)
    return RunError(
        f"expected a run folder that no one else writes to, received '{place}', in use by process "
        f"{fields['pid']} on {fields['host']} since {fields['since']}; wait, or choose another"
    )
