"""The run folder: config, environment, the store's two tables, summary; one writer at a time."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pyarrow as pa

from polar_search.errors import RunError
from polar_search.search.ownership import owned
from polar_search.search.parts import part_names
from polar_search.search.places import FolderPlace, Location, place_of, writing
from polar_search.search.store import read_outcomes, tidy
from polar_search.tasks import Task, load_task

PACKAGES = ("polar-search", "torch", "transformers", "pyarrow", "numpy")


class RunFolder:
    """A folder that holds one run.

    Attributes:
        place: Where it is.
    """

    def __init__(self, location: Location) -> None:
        self.place = place_of(location)

    @property
    def path(self) -> Path:
        """The folder, on a file system.

        Raises:
            RunError: It is in an object store.
        """
        if isinstance(self.place, FolderPlace):
            return self.place.path
        raise RunError(
            f"expected a folder of a file system, received '{self.place}'; copy the run to one"
        )

    def owned(self) -> AbstractContextManager[None]:
        """Make the folder and own it while the block runs.

        Raises:
            RunError: The folder cannot be written, or another process owns it.
        """
        return owned(self.place)

    def begin(self, fixed: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        """Record config and environment; `fixed` must be what the folder was begun with.

        Raises:
            RunError: The folder belongs to another configuration.
        """
        before = self.fixed()
        if before is not None:
            self._compare(before, json.loads(json.dumps(fixed)))
        elif part_names(self.place.below("outcomes")):
            raise RunError(
                f"expected a config.json beside the outcomes in '{self.place}', received none; "
                "choose a new folder with --out"
            )
        self.write("config.json", {"fixed": fixed, "config": config})
        environments = self.read("environment.json") or []
        self.write("environment.json", [*environments, environment() | {"config": config}])
        tidy(self.place)

    def _compare(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        for name in sorted(before.keys() | now.keys()):
            if before.get(name) != now.get(name):
                raise RunError(
                    f"expected the configuration that '{self.place}' was begun with, "
                    f"{name} = {before.get(name)!r}, received {now.get(name)!r}; "
                    "choose a new folder with --out"
                )

    def fixed(self) -> dict[str, Any] | None:
        """The options and fingerprints that the run was begun with, None for a new folder.

        Raises:
            RunError: The config is broken.
        """
        config = self.read("config.json")
        if config is None:
            return None
        try:
            return dict(config["fixed"])
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(
                f"expected the config of a run, received '{self.place}/config.json', which has "
                "no entry 'fixed'; restore it, or choose a new folder with --out"
            ) from error

    def read(self, name: str) -> Any:  # noqa: ANN401
        """The JSON file `name`, or None where there is none.

        Raises:
            RunError: It is broken.
        """
        try:
            return json.loads(self.place.read(name).decode())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise RunError(
                f"expected a JSON file of this run, received '{self.place}/{name}': {error}; "
                "restore it, or choose a new folder with --out"
            ) from error

    def write(self, name: str, value: object) -> None:
        """Write the JSON file `name`, whole or not at all.

        Raises:
            RunError: The folder cannot be written.
        """
        with writing(f"{self.place}/{name}"):
            self.place.write(name, (json.dumps(value, indent=2) + "\n").encode())


def is_run(path: Location) -> bool:
    """Whether a run was begun in the folder."""
    try:
        return "config.json" in place_of(path).names()
    except OSError:
        return False


def open_run(path: Location) -> RunFolder:
    """A run folder that must exist already.

    Raises:
        RunError: It does not, or is none.
    """
    if not is_run(path):
        raise RunError(
            f"expected a run folder, received '{path}', which has no config.json; "
            "make one with `polar-search search --out RUN`"
        )
    return RunFolder(path)


def task_of_run(path: Location) -> Task:
    """The task that a run was searched on.

    Raises:
        RunError: The folder holds no run, or the task has other examples by now.
    """
    config = open_run(path).fixed() or {}
    task = load_task(config["task"], config.get("task_options"))
    if task.fingerprint() != config["task fingerprint"]:
        raise RunError(
            f"expected the examples of task '{config['task']}' that '{path}' was searched on, "
            "received others; install the version that its environment.json names, or import its "
            "labels again"
        )
    return task


def load_outcomes(path: Location) -> pa.Table:
    """The outcomes of a run: a table for pandas (`.to_pandas()`) and polars (`from_arrow`).

    Raises:
        RunError: The folder holds no run, or a part that cannot be read.
    """
    return read_outcomes(open_run(path).place)


def environment() -> dict[str, Any]:
    """What the run ran with: time, machine, versions and git revision."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "packages": {name: _version(name) for name in PACKAGES},
        "git_revision": _git_revision(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_revision() -> str | None:
    """Revision of the checkout that this code runs from, None for an installed package."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
