"""Label files: JSON, JSON lines, and both compressed."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from polar_search.errors import LabelError, RunError, one_line
from polar_search.exchange.merged import is_merged, read_merged
from polar_search.exchange.samples import Sample
from polar_search.exchange.vectors import is_vectors, read_vectors

PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".bin")


def read_samples(file: Path) -> Iterator[Sample]:
    """The samples of a label file of any known format.

    Raises:
        LabelError: There is no such file, it is cut short, or of no known format.
    """
    content = _read(file)
    if is_vectors(content):
        return read_vectors(content, str(file))
    if is_merged(content):
        return read_merged(content, str(file))
    raise LabelError(
        f"expected samples of PoLar or RE-PoLar, or tuples of Dr.LLM, received '{file}', which "
        f"holds {repr(content)[:60]}; give a merged_mcts_samples.json, or a list of [question, "
        "label vector, answer]"
    )


def _read(file: Path) -> Any:  # noqa: ANN401
    if file.suffix in PICKLES:
        raise LabelError(
            f"expected a label file in JSON, received '{file}', whose kind can run code when it is "
            "read; convert it to JSON where you trust it"
        )
    try:
        raw = file.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode()
        if file.name.removesuffix(".gz").endswith(".jsonl"):
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        return json.loads(text)
    except OSError as error:
        if not isinstance(error, gzip.BadGzipFile):
            raise LabelError(
                f"expected a label file, received '{file}': {error.strerror}; check the path"
            ) from error
        raise _broken(file, error) from error
    except (ValueError, EOFError, zlib.error) as error:
        raise _broken(file, error) from error


def _broken(file: Path, error: Exception) -> LabelError:
    return LabelError(
        f"expected a whole label file, received '{file}', which raises {one_line(error)[:200]}; "
        "it may be cut short: fetch it again"
    )


def write_content(file: Path, content: Any) -> None:  # noqa: ANN401
    """Write a label file, whole or not at all: compressed for .gz, a line an entry for .jsonl."""
    lines = file.name.removesuffix(".gz").endswith(".jsonl")
    text = "".join(json.dumps(c) + "\n" for c in content) if lines else json.dumps(content) + "\n"
    raw = text.encode()
    partial = file.with_name(f"{file.name}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Without a time in it, the same labels make the same bytes.
        partial.write_bytes(gzip.compress(raw, mtime=0) if file.suffix == ".gz" else raw)
        partial.rename(file)
    except OSError as error:
        raise RunError(
            f"expected to write '{file}', received {error.strerror}; make room or give permission, "
            "or name another file"
        ) from error
