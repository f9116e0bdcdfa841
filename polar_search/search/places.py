"""Where a run lives: a folder of this machine, or any URL that fsspec knows.

What is written appears whole or not at all: on a file system it is written beside its name, synced
and renamed; on an object store it is one PUT. File systems of a network are mounted and used by
their path.
"""

from __future__ import annotations

import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

from polar_search.errors import RunError, one_line


class Place(ABC):
    """A folder, whose files are read and written whole, by their names."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the folder, without those above it."""

    @abstractmethod
    def below(self, folder: str) -> Place:
        """The folder `folder` in this one."""

    @abstractmethod
    def absolute(self) -> Place:
        """The same folder, for processes that work elsewhere."""

    @abstractmethod
    def names(self) -> list[str]:
        """The names of the files, sorted; none where the folder does not exist."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The content of a file.

        Raises:
            FileNotFoundError: There is none.
            OSError: It cannot be read.
        """

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Write or replace a file so that it is there whole or not at all, also after a crash.

        Raises:
            OSError: It cannot be written.
        """

    @abstractmethod
    def rename(self, name: str, other: str) -> None:
        """Give a file another name. One that somebody else has taken away is no error."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file. One that somebody else has taken away is no error."""


Location: TypeAlias = Path | str | Place
"""A path, a URL, or the place that one of them names."""


def place_of(location: Location) -> Place:
    """The place that a path or a URL names.

    Raises:
        RunError: fsspec does not know the protocol, or lacks the package for it.
    """
    if isinstance(location, Place):
        return location
    if isinstance(location, Path) or "://" not in location:
        return FolderPlace(Path(location))
    from fsspec.core import url_to_fs

    protocol = location.split("://")[0]
    if protocol in ("file", "local"):
        return FolderPlace(Path(location.removeprefix(f"{protocol}://")))
    try:
        files, root = url_to_fs(location)
    except ImportError as error:
        raise RunError(
            f"expected the package for {protocol}:// URLs, received '{location}' without it "
            f"({error}); install it with pip"
        ) from error
    except Exception as error:
        raise RunError(
            f"expected a path or a URL that fsspec can open, received '{location}' "
            f"({one_line(error)}); correct it"
        ) from error
    return ObjectPlace(files, root, location)


class FolderPlace(Place):
    """A folder of a file system."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """See `Place`."""
        return self.path.resolve().name

    def below(self, folder: str) -> FolderPlace:
        """See `Place`."""
        return FolderPlace(self.path / folder)

    def absolute(self) -> FolderPlace:
        """See `Place`."""
        return FolderPlace(self.path.absolute())

    def names(self) -> list[str]:
        """See `Place`."""
        try:
            return sorted(entry.name for entry in os.scandir(self.path))
        except FileNotFoundError:
            return []

    def read(self, name: str) -> bytes:
        """See `Place`."""
        return (self.path / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """See `Place`."""
        self.path.mkdir(parents=True, exist_ok=True)
        partial = self.path / f"{name}.{uuid.uuid4().hex[:8]}.partial"
        try:
            with partial.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(self.path / name)
        except BaseException:
            # On a full disk what was written of it is in the way of trying again.
            partial.unlink(missing_ok=True)
            raise

    def rename(self, name: str, other: str) -> None:
        """See `Place`."""
        with _unless_missing():
            (self.path / name).rename(self.path / other)

    def remove(self, name: str) -> None:
        """See `Place`."""
        (self.path / name).unlink(missing_ok=True)


class ObjectPlace(Place):
    """A prefix in an object store, reached through fsspec."""

    def __init__(self, files: Any, root: str, url: str) -> None:  # noqa: ANN401
        self._files, self._root, self._url = files, root.rstrip("/"), url.rstrip("/")

    def __str__(self) -> str:
        return self._url

    @property
    def name(self) -> str:
        """See `Place`."""
        return self._url.rsplit("/", 1)[-1]

    def below(self, folder: str) -> ObjectPlace:
        """See `Place`."""
        return ObjectPlace(self._files, f"{self._root}/{folder}", f"{self._url}/{folder}")

    def absolute(self) -> ObjectPlace:
        """See `Place`."""
        return self

    def names(self) -> list[str]:
        """See `Place`."""
        with _as_os_error():
            self._files.invalidate_cache(self._root)  # others write here as well
            try:
                entries = self._files.ls(self._root, detail=True)
            except FileNotFoundError:
                return []
        names = (e["name"].rsplit("/", 1)[-1] for e in entries if e["type"] == "file")
        return sorted(names)

    def read(self, name: str) -> bytes:
        """See `Place`."""
        with _as_os_error():
            return bytes(self._files.cat_file(f"{self._root}/{name}"))

    def write(self, name: str, data: bytes) -> None:
        """See `Place`."""
        with _as_os_error():
            self._files.pipe_file(f"{self._root}/{name}", data)

    def rename(self, name: str, other: str) -> None:
        """See `Place`."""
        with _as_os_error(), _unless_missing():
            self._files.mv(f"{self._root}/{name}", f"{self._root}/{other}")

    def remove(self, name: str) -> None:
        """See `Place`."""
        with _as_os_error(), _unless_missing():
            self._files.rm_file(f"{self._root}/{name}")


@contextmanager
def _unless_missing() -> Iterator[None]:
    # The file system in memory knows a missing file as a missing key.
    with suppress(FileNotFoundError, KeyError):
        yield


@contextmanager
def _as_os_error() -> Iterator[None]:
    """The libraries of the clouds raise errors of their own."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(one_line(error)) from error


def write_file(path: Path | str, data: bytes) -> None:
    """Write or replace the file that a path or a URL names.

    Raises:
        RunError: It cannot be written.
    """
    folder, slash, name = str(path).rpartition("/")
    place = place_of(folder + slash)
    with writing(path):
        place.write(name, data)


@contextmanager
def writing(path: object) -> Iterator[None]:
    """Turn what the operating system refuses while `path` is written into one line."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"expected to write '{path}', received {error.strerror or error}; make room or give "
            "permission and run the same command again, or choose another folder with --out"
        ) from error
