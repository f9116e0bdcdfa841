"""Versions that driver and workers must share: others may compute other outcomes."""

from __future__ import annotations

from collections.abc import Callable

from polar_search.errors import ClusterError

PACKAGES = ("polar-search", "torch", "transformers")


def reader() -> Callable[[], dict[str, str | None]]:
    """A function that tells the versions where it runs, also where polar-search is missing.

    It is made here, so that it is pickled by value: a node without the package cannot import it.
    """
    packages = PACKAGES

    def read() -> dict[str, str | None]:
        from importlib.metadata import PackageNotFoundError, version

        found: dict[str, str | None] = {}
        for name in packages:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                found[name] = None
        return found

    return read


def check_versions(host: str, theirs: dict[str, str | None]) -> None:
    """Compare a node's versions with ours.

    Raises:
        ClusterError: The node lacks a package, or has another version of it.
    """
    for name, ours in reader()().items():
        if theirs[name] is None:
            raise ClusterError(
                f"expected {name} {ours} on every node, received none on {host}; install it there, "
                "or ship it with the runtime environment (docs/cluster.md)"
            )
        if theirs[name] != ours:
            raise ClusterError(
                f"expected {name} {ours} on every node, as in this process, received "
                f"{theirs[name]} on {host}; install one version everywhere"
            )
