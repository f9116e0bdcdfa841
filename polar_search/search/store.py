"""The store of a run: two tables, outcomes and trace, as append-only Parquet parts.

Many processes may append at the same time. Rows are keyed: appending something twice changes
nothing, since readers keep one row a key. Outcomes of different models, tasks or decodings may lie
side by side. How parts are written, read and merged is in `parts`; where, in `places`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from polar_search.program import Program
from polar_search.search.outcome import Outcome, Source, TraceStep
from polar_search.search.parts import (
    keep_first,
    merge_parts,
    part_names,
    read_parts,
    read_table,
    write_part,
)
from polar_search.search.places import Location, place_of

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
TABLES = {"outcomes": (OUTCOME_SCHEMA, OUTCOME_KEY), "trace": (TRACE_SCHEMA, TRACE_KEY)}
PARTS_BEFORE_MERGING = 64


@dataclass(frozen=True)
class Fingerprints:
    """What outcomes depend on, beside example and program: model, task and decoding."""

    model: str
    task: str
    decoding: str


class Store:
    """Appends to and reads from the tables of one run folder.

    Args:
        folder: The run folder, as a path or a URL.
        fingerprints: Of the outcomes that will be appended and looked up.
        agent: Fingerprint of the agent whose steps will be appended.
        flush_rows: Outcomes held in memory at most.
        flush_seconds: Age of the oldest outcome held in memory at most, when something is appended.
    """

    def __init__(
        self,
        folder: Location,
        fingerprints: Fingerprints,
        agent: str,
        *,
        flush_rows: int = 5000,
        flush_seconds: float = 3.0,
    ) -> None:
        self._place, self._fingerprints, self._agent = place_of(folder), fingerprints, agent
        self._flush_rows, self._flush_seconds = flush_rows, flush_seconds
        self._outcomes: list[Outcome] = []
        self._trace: list[TraceStep] = []
        self._written: dict[str, list[str]] = {name: [] for name in TABLES}
        self._flushed_at = time.monotonic()
        self.reread()

    def reread(self) -> None:
        """Look up what is stored by now, for `known` and `traced_steps`."""
        # Agents are told, and told again after an interruption, what was executed.
        self._known = _Groups(self.outcomes("executed"))
        trace = self._read("trace")
        self._traced = _Groups(trace.filter(pc.equal(trace["agent"], self._agent)))

    def _read(self, name: str) -> pa.Table:
        return read_table(self._place.below(name), *TABLES[name], mend=True)

    def outcomes(self, source: Source) -> pa.Table:
        """The outcomes of these fingerprints and one source that are on the disk now."""
        table = self._read("outcomes")
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
            self._write("outcomes", outcome_table(self._outcomes, self._fingerprints))
            self._outcomes = []
        if self._trace:
            self._write("trace", self._trace_table())
            self._trace = []
        self._flushed_at = time.monotonic()

    def _write(self, name: str, table: pa.Table) -> None:
        """Write a part; merge those of this writer when they are many: no one else does that."""
        place, written = self._place.below(name), self._written[name]
        written.append(write_part(place, table))
        if len(written) >= PARTS_BEFORE_MERGING:
            merge_parts(place, *TABLES[name], written)
            written.clear()

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
        column = table["example_id"].combine_chunks()
        codes = column.indices.to_numpy()
        order = np.argsort(codes, kind="stable")
        self._table = table.take(order)
        present, starts = np.unique(codes[order], return_index=True)
        stops = np.append(starts, len(codes))[1:]
        examples = column.dictionary.take(pa.array(present)).to_pylist()
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


def read_outcomes(folder: Location) -> pa.Table:
    """All outcomes of a run folder, one row a key, as a table of OUTCOME_SCHEMA.

    Raises:
        RunError: A part cannot be read.
    """
    table = read_table(place_of(folder).below("outcomes"), OUTCOME_SCHEMA, OUTCOME_KEY)
    return table.cast(OUTCOME_SCHEMA)


def read_coded_outcomes(*folders: Location) -> pa.Table:
    """All outcomes, one row a key, for statistics over millions: small, texts as dictionaries.

    A path stands only in some row of its program, at least in one; the other rows have none.

    Raises:
        RunError: A part cannot be read.
    """
    places = [place_of(folder).below("outcomes") for folder in folders]
    parts = [part for place in places for part in read_parts(place, OUTCOME_SCHEMA)]
    return keep_first(list(map(_with_few_paths, parts)), OUTCOME_SCHEMA, OUTCOME_KEY)


def _with_few_paths(part: pa.Table) -> pa.Table:
    """The part with paths only in the first row of each program."""
    codes = part["program"].combine_chunks().indices.to_numpy()
    first = np.zeros(len(codes), dtype=np.bool_)
    first[np.unique(codes, return_index=True)[1]] = True
    paths = pc.if_else(pa.array(first), part["path"], pa.scalar(None, part["path"].type))
    return part.set_column(part.schema.get_field_index("path"), "path", paths)


def read_trace(folder: Location) -> pa.Table:
    """All steps of all agents of a run folder, one row a key, as a table of TRACE_SCHEMA.

    Raises:
        RunError: A part cannot be read.
    """
    table = read_table(place_of(folder).below("trace"), TRACE_SCHEMA, TRACE_KEY)
    return table.cast(TRACE_SCHEMA)


def tidy(folder: Location) -> None:
    """Merge the parts of a run folder when they are many. For its owner.

    Raises:
        RunError: The folder cannot be written.
    """
    for name, (schema, key) in TABLES.items():
        place = place_of(folder).below(name)
        if len(part_names(place)) > PARTS_BEFORE_MERGING:
            merge_parts(place, schema, key)
