"""The store of a run: two tables, outcomes and trace, as append-only Parquet parts.

A part is written under another name, flushed to the disk and then renamed, so that a reader sees
all of it or nothing. Rows are keyed: appending something twice changes nothing, since readers keep
one row a key. Outcomes of different models, tasks or decodings may lie side by side.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from polar_search.errors import RunError, one_line
from polar_search.program import Program
from polar_search.search.outcome import Outcome, Source, TraceStep

FINGERPRINTS = ("model", "task", "decoding")
OUTCOME_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in FINGERPRINTS),
        ("example_id", pa.string()),
        ("level", pa.int16()),
        ("path", pa.list_(pa.int16())),
        ("program", pa.string()),
        ("depth", pa.int16()),
        ("text", pa.string()),
        ("correct", pa.bool_()),
        ("source", pa.string()),
    ]
)
# The notation stands for the path (each has one), since a list cannot be a key in Arrow.
OUTCOME_KEY = (*FINGERPRINTS, "example_id", "program", "source")

TRACE_SCHEMA = pa.schema(
    [
        ("agent", pa.string()),
        ("example_id", pa.string()),
        ("step", pa.int32()),
        ("path", pa.list_(pa.int16())),
        ("parent_path", pa.list_(pa.int16())),
    ]
)
TRACE_KEY = ("agent", "example_id", "step")


@dataclass(frozen=True)
class Fingerprints:
    """What outcomes depend on, beside example and program: model, task and decoding."""

    model: str
    task: str
    decoding: str


class Store:
    """Appends to and reads from the tables of one run folder.

    Args:
        folder: The run folder.
        fingerprints: Of the outcomes that will be appended and looked up.
        agent: Fingerprint of the agent whose steps will be appended.
        flush_rows: Outcomes held in memory at most.
        flush_seconds: Age of the oldest outcome held in memory at most, when something is appended.
    """

    def __init__(
        self,
        folder: Path,
        fingerprints: Fingerprints,
        agent: str,
        *,
        flush_rows: int = 5000,
        flush_seconds: float = 3.0,
    ) -> None:
        self._folder, self._fingerprints, self._agent = folder, fingerprints, agent
        self._flush_rows, self._flush_seconds = flush_rows, flush_seconds
        self._outcomes: list[Outcome] = []
        self._trace: list[TraceStep] = []
        self._flushed_at = time.monotonic()
        self.reread()

    def reread(self) -> None:
        """Look up what is stored by now, for `known` and `traced_steps`."""
        # Agents are told, and told again after an interruption, what was executed.
        self._known = _Groups(self.outcomes("executed"))
        trace = read_table(self._folder, "trace", TRACE_SCHEMA, TRACE_KEY)
        self._traced = _Groups(trace.filter(pc.equal(trace["agent"], self._agent)))

    def outcomes(self, source: Source) -> pa.Table:
        """The outcomes of these fingerprints and one source that are on the disk now."""
        table = read_outcomes(self._folder)
        for name, value in {**asdict(self._fingerprints), "source": source}.items():
            table = table.filter(pc.equal(table[name], value))
        return table

    def known(self, example_id: str, num_layers: int) -> dict[Program, Outcome]:
        """Outcomes of the example that were stored when the store was opened."""
        outcomes = (outcome_of(row, num_layers) for row in self._known.rows(example_id))
        return {outcome.program: outcome for outcome in outcomes}

    def traced_steps(self, example_id: str) -> set[int]:
        """The steps of this agent on the example that were stored when the store was opened."""
        return {row["step"] for row in self._traced.rows(example_id)}

    def append(self, outcomes: Iterable[Outcome], trace: Iterable[TraceStep]) -> None:
        """Take over outcomes and steps; they are on the disk after a few seconds, or a `flush`."""
        self._outcomes += outcomes
        self._trace += trace
        old = time.monotonic() - self._flushed_at > self._flush_seconds
        if old or max(len(self._outcomes), len(self._trace)) >= self._flush_rows:
            self.flush()

    def flush(self) -> None:
        """Write everything that is held in memory.

        Outcomes go first: a stored step always has its outcome.
        """
        if self._outcomes:
            write_part(self._folder / "outcomes", self._outcome_table())
            self._outcomes = []
        if self._trace:
            write_part(self._folder / "trace", self._trace_table())
            self._trace = []
        self._flushed_at = time.monotonic()

    def _outcome_table(self) -> pa.Table:
        return outcome_table(self._outcomes, self._fingerprints)

    def _trace_table(self) -> pa.Table:
        steps = self._trace
        columns = {
            "agent": [self._agent] * len(steps),
            "example_id": [s.example_id for s in steps],
            "step": [s.step for s in steps],
            "path": [s.program.path for s in steps],
            "parent_path": [s.parent.path if s.parent else None for s in steps],
        }
        return pa.table(columns, schema=TRACE_SCHEMA)


class _Groups:
    """The rows of a table by example, converted only when asked for."""

    def __init__(self, table: pa.Table) -> None:
        names = table["example_id"].to_numpy()
        order = np.argsort(names, kind="stable")
        self._table = table.take(order)
        examples, starts = np.unique(names[order], return_index=True)
        stops = np.append(starts, len(names))[1:]
        self._slices = dict(zip(examples, zip(starts, stops, strict=True), strict=True))

    def rows(self, example_id: str) -> list[dict[str, Any]]:
        start, stop = self._slices.get(example_id, (0, 0))
        rows: list[dict[str, Any]] = self._table.slice(start, stop - start).to_pylist()
        return rows


def outcome_table(outcomes: Sequence[Outcome], fingerprints: Fingerprints) -> pa.Table:
    """Outcomes as a table of OUTCOME_SCHEMA."""
    columns: dict[str, Sequence[object]] = {
        name: [value] * len(outcomes) for name, value in asdict(fingerprints).items()
    }
    columns |= {
        "example_id": [o.example_id for o in outcomes],
        "level": [o.level for o in outcomes],
        "path": [o.program.path for o in outcomes],
        "program": [str(o.program) for o in outcomes],
        "depth": [o.program.depth for o in outcomes],
        "text": [o.text for o in outcomes],
        "correct": [o.correct for o in outcomes],
        "source": [o.source for o in outcomes],
    }
    return pa.table(columns, schema=OUTCOME_SCHEMA)


def outcome_of(row: Mapping[str, Any], num_layers: int) -> Outcome:
    """The outcome that a row of OUTCOME_SCHEMA holds."""
    values = {name: row[name] for name in ("example_id", "level", "text", "correct", "source")}
    return Outcome(program=Program.from_path(row["path"], num_layers), **values)


def read_outcomes(folder: Path) -> pa.Table:
    """All outcomes of a run folder, one row a key.

    Raises:
        RunError: A part cannot be read.
    """
    return read_table(folder, "outcomes", OUTCOME_SCHEMA, OUTCOME_KEY)


def read_table(folder: Path, name: str, schema: pa.Schema, key: Sequence[str]) -> pa.Table:
    """The table `name` of a run folder: all parts together, the first row of each key kept."""
    parts = [_read_part(path, schema) for path in sorted((folder / name).glob("*.parquet"))]
    table = pa.concat_tables([schema.empty_table(), *parts]).combine_chunks()
    return table.take(_first_of_each(table.select(list(key))))


def _read_part(path: Path, schema: pa.Schema) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            return file.read().select(schema.names).cast(schema)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise RunError(
            f"expected a Parquet part of this store, received '{path}', which raises "
            f"{one_line(error)}; move it away and run the same search again to compute what "
            "it held"
        ) from error


def _first_of_each(keys: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Row numbers of the first row of each key, in their order."""
    combined = np.zeros(len(keys), dtype=np.int64)
    for column in keys.columns:
        codes = pc.rank(column, tiebreaker="dense").to_numpy()
        # Renumbering after each column keeps the product of two small enough for 64 bits.
        combined = combined * (int(codes.max(initial=0)) + 1) + codes
        combined = np.unique(combined, return_inverse=True)[1]
    return np.sort(np.unique(combined, return_index=True)[1])


def write_part(folder: Path, table: pa.Table) -> Path:
    """Write one part so that it is there whole or not at all, also after a crash.

    Raises:
        RunError: The folder cannot be written, or the disk is full.
    """
    # The time makes names sort by age; the random part makes them unique among writers.
    path = folder / f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}.parquet"
    partial = path.with_suffix(".partial")
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    return path


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses while `path` is written into one line."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"expected to write '{path}', received {error.strerror or error}; make room or give "
            "permission and run the same command again, or choose another folder with --out"
        ) from error
