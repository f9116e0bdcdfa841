"""The run folder: config, environment, the store's two tables, summary; one writer at a time."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from polar_search.errors import RunError
from polar_search.search.store import writing

PACKAGES = ("polar-search", "torch", "transformers", "pyarrow", "numpy")


class RunFolder:
    """A folder that holds one run.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Make the folder and own it while the block runs.

        The operating system gives the lock back when the process ends, however it ends.

        Raises:
            RunError: The folder cannot be written, or another process owns it.
        """
        lock = self.path / "lock"
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            file = lock.open("a+")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                file.seek(0)
                raise RunError(
                    f"expected a run folder that no one else writes to, received '{self.path}', in "
                    f"use by process {file.read().strip() or 'unknown'}; wait, or choose another"
                ) from error
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def begin(self, fixed: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        """Record config and environment; `fixed` must be what the folder was begun with.

        Raises:
            RunError: The folder belongs to another configuration.
        """
        before = self.fixed()
        if before is not None:
            self._compare(before, json.loads(json.dumps(fixed)))
        elif any(self.path.glob("outcomes/*.parquet")):
            raise RunError(
                f"expected a config.json beside the outcomes in '{self.path}', received none; "
                "choose a new folder with --out"
            )
        self.write("config.json", {"fixed": fixed, "config": config})
        environments = self.read("environment.json") or []
        self.write("environment.json", [*environments, environment()])

    def _compare(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        for name in sorted(before.keys() | now.keys()):
            if before.get(name) != now.get(name):
                raise RunError(
                    f"expected the configuration that '{self.path}' was begun with, "
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
                f"expected the config of a run, received '{self.path / 'config.json'}', which has "
                "no entry 'fixed'; restore it, or choose a new folder with --out"
            ) from error

    def read(self, name: str) -> Any:  # noqa: ANN401
        """The JSON file `name`, or None where there is none.

        Raises:
            RunError: It is broken.
        """
        path = self.path / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise RunError(
                f"expected a JSON file of this run, received '{path}': {error}; "
                "restore it, or choose a new folder with --out"
            ) from error

    def write(self, name: str, value: object) -> None:
        """Write the JSON file `name`, whole or not at all.

        Raises:
            RunError: The folder cannot be written.
        """
        partial = self.path / f"{name}.partial"
        with writing(self.path / name):
            partial.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
            partial.rename(self.path / name)


def is_run(path: Path) -> bool:
    """Whether a run was begun in the folder."""
    return (path / "config.json").is_file()


def open_run(path: Path) -> RunFolder:
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
