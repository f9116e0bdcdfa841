"""Rows of public data sets: from the Hub, its cache, or a local folder in the Hub's layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polar_search.errors import TaskError, one_line
from polar_search.hub import cache_unless_reached

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 10_000


def read_rows(
    repository: str,
    columns: Sequence[str],
    *,
    split: str,
    config: str | None = None,
    source: str | None = None,
) -> list[dict[str, Any]]:
    """Some columns of a data set, row by row; see `read_columns`."""
    table = read_columns(repository, columns, split=split, config=config, source=source)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def read_columns(
    repository: str,
    columns: Sequence[str],
    *,
    split: str,
    config: str | None = None,
    source: str | None = None,
) -> pa.Table:
    """Some columns of a data set as a table.

    Args:
        repository: Its Hub id.
        columns: What is read of it.
        split: The data set's own split.
        config: The data set's own configuration, if it has several.
        source: A local folder: the data set's, or one that holds it under its id or name. None is
            the Hub, or what the Hub's cache holds of it.

    Raises:
        TaskError: There is no such folder, the Hub is not reached, or a column is missing.
    """
    import datasets
    import pyarrow as pa

    datasets.disable_progress_bars()
    where = repository if source is None else str(_folder(repository, source))
    try:
        with _quietly(repository, source):
            # A folder is read in place: the library's cache tells copies of it apart by the second
            # in which they were written, and would answer with another one's rows.
            data = datasets.load_dataset(where, config, split=split, streaming=source is not None)
            found = data.column_names or list(next(iter(data), {}))
            missing = sorted(set(columns) - set(found))
            if not missing:
                batches = data.select_columns(list(columns)).with_format("arrow").iter(BATCH)
                return pa.concat_tables(batches, promote_options="permissive")
    except Exception as error:  # the library raises what its readers raise
        raise TaskError(_explain(repository, where, config, split, error)) from error
    raise TaskError(
        f"expected columns {', '.join(columns)} in '{where}', received {', '.join(found)}; give a "
        f"copy that has {', '.join(missing)}"
    )


def _folder(repository: str, source: str) -> Path:
    """Where in the folder `source` the data set lies."""
    root = Path(source).expanduser()
    if not root.is_dir():
        raise TaskError(
            f"expected a folder with the data set '{repository}' as option 'source', received "
            f"'{source}', which is none; check the path"
        )
    places = (root / repository, root / repository.rpartition("/")[2])
    return next((place for place in places if place.is_dir()), root)


def _explain(repository: str, where: str, config: str | None, split: str, error: Exception) -> str:
    wanted = f"split '{split}'" + (f" of configuration '{config}'" if config else "")
    said = one_line(error)
    if where != repository:
        return (
            f"expected {wanted} of '{repository}' in '{where}', received {said[:300]}; give a copy "
            f"in the Hub's layout: hf download {repository} --repo-type dataset --local-dir {where}"
        )
    if isinstance(error, (ConnectionError, OSError)) or "offline" in said.lower():
        return (
            f"expected the Hub to answer for the data set '{repository}', received no connection; "
            "check the network, or give a local folder: --task-options.source FOLDER (made by "
            f"`hf download {repository} --repo-type dataset --local-dir FOLDER/{repository}`)"
        )
    return f"expected {wanted} of '{repository}', received {said[:300]}; check the name"


@contextmanager
def _quietly(repository: str, source: str | None) -> Iterator[None]:
    """The library without its own reports; what fails, we tell."""
    import datasets
    import huggingface_hub.constants

    before = datasets.config.HF_HUB_OFFLINE, datasets.logging.get_verbosity()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)
    try:
        with cache_unless_reached(source or repository, "dataset"):
            # The library has its own copy of this setting.
            datasets.config.HF_HUB_OFFLINE = huggingface_hub.constants.HF_HUB_OFFLINE
            yield
    finally:
        datasets.logging.set_verbosity(before[1])
        datasets.config.HF_HUB_OFFLINE = before[0]
