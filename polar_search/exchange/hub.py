"""A run as a data set: published on the Hub or saved in a folder, and loaded back as a run."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from polar_search.errors import RunError, one_line
from polar_search.exchange.card import card_of
from polar_search.exchange.importing import EXAMPLES
from polar_search.search.run import is_run, open_run
from polar_search.search.store import read_outcomes, read_trace

FILES = ("config.json", "environment.json", "summary.json", "stats.json", "verified.json")
"""What a run has beside its tables, and goes with them."""


def save_dataset(run: Path, folder: Path) -> Path:
    """Write a run in the layout of a data set: a card, a file for each table, the run's own files.

    `datasets.load_dataset(folder, "outcomes")` reads it, and `load_run` makes it a run again.

    Raises:
        RunError: There is no such run, it is empty, or the folder holds something already.
    """
    open_run(run)
    outcomes = read_outcomes(run)
    if not len(outcomes):
        raise RunError(f"expected a run with outcomes, received '{run}', which has none; search")
    if folder.exists() and any(folder.iterdir()):
        raise RunError(f"expected a new folder, received '{folder}', which is not empty")
    tables = {"outcomes": outcomes}
    trace = read_trace(run)
    if len(trace):
        tables["trace"] = trace
    for name, table in tables.items():
        (folder / name).mkdir(parents=True)
        pq.write_table(table, folder / name / "train-00000-of-00001.parquet", compression="zstd")
    for name in FILES:
        if (run / name).exists():
            content = json.loads((run / name).read_text(encoding="utf-8"))
            _write(folder / name, _without_folders(content))
    if (run / EXAMPLES).exists():
        shutil.copyfile(run / EXAMPLES, folder / EXAMPLES)
    (folder / "README.md").write_text(card_of(run, tables), encoding="utf-8")
    return folder


def push_to_hub(run: Path, repository: str, *, private: bool = False) -> str:
    """Publish a run as a data set of the Hub, and tell its address.

    Args:
        run: The run folder.
        repository: Its Hub id, `owner/name`; made where it does not exist.
        private: Whether a new one is private.

    Raises:
        RunError: There is no such run, or the Hub refuses or cannot be reached.
    """
    from huggingface_hub import HfApi

    with tempfile.TemporaryDirectory() as temporary:
        folder = save_dataset(run, Path(temporary) / "dataset")
        try:
            api = HfApi()
            url = api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
            api.upload_folder(repo_id=repository, repo_type="dataset", folder_path=folder)
        except Exception as error:  # the client's network library is not ours to name
            raise RunError(
                f"expected the Hub to take '{repository}', received {one_line(error)[:200]}; check "
                "the network and log in (hf auth login), or save to a folder: a TARGET that begins "
                "with ./ or /"
            ) from error
    return str(url)


def load_run(source: str, out: Path) -> Path:
    """Make a run folder of a data set that `push_to_hub` or `save_dataset` wrote.

    Args:
        source: A folder, or the data set's Hub id.
        out: The new run folder.

    Raises:
        RunError: There is no such data set, it holds no run, or `out` holds something already.
    """
    if out.exists() and any(out.iterdir()):
        raise RunError(f"expected a new folder, received '{out}', which is not empty; name another")
    folder = Path(source) if Path(source).is_dir() else _download(source)
    if not is_run(folder) or not any(folder.glob("outcomes/*.parquet")):
        raise RunError(
            f"expected a run as a data set, received '{source}', which has no config.json with "
            "outcomes; make one with `polar-search push-to-hub`"
        )
    out.mkdir(parents=True, exist_ok=True)
    for name in ("outcomes", "trace"):
        if (folder / name).is_dir():
            shutil.copytree(folder / name, out / name)
    for name in (*FILES, EXAMPLES):
        if (folder / name).exists():
            shutil.copyfile(folder / name, out / name)
    _find_examples(out)
    return out


def _download(repository: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repository, repo_type="dataset", etag_timeout=10))
    except Exception as error:  # the client's network library is not ours to name
        raise RunError(
            f"expected a folder or a data set of the Hub, received '{repository}', which raises "
            f"{one_line(error)[:200]}; check the name and the network, or give a local folder"
        ) from error


def _without_folders(value: Any) -> Any:  # noqa: ANN401
    """A JSON value in which paths of this machine are down to their last name."""
    if isinstance(value, dict):
        return {name: _without_folders(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_folders(part) for part in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _find_examples(run: Path) -> None:
    """Let a run that brings its own examples find them where they are now."""
    if (run / EXAMPLES).exists():
        config = json.loads((run / "config.json").read_text(encoding="utf-8"))
        for part in ("fixed", "config"):
            config[part]["task_options"]["path"] = str(run.resolve() / EXAMPLES)
        _write(run / "config.json", config)


def _write(file: Path, value: Any) -> None:  # noqa: ANN401
    file.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
