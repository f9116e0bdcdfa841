"""The parts of a table: small Parquet files that many writers add, merged now and then.

A reader needs no lock. A part is there whole or not at all; when parts are merged, the merged part
is written before the small ones go, so that a row may be seen twice, but is never missing. Rows
have keys, and readers keep one row a key.
"""

from __future__ import annotations

import io
import logging
import time
import uuid
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from polar_search.errors import RunError, one_line
from polar_search.search.places import Location, Place, place_of, writing

log = logging.getLogger(__name__)

SUFFIX = ".parquet"
BROKEN = ".broken"
ROWS_OF_A_MERGED_PART = 1_000_000


def write_part(folder: Location, table: pa.Table) -> str:
    """Write one part; returns its name.

    Raises:
        RunError: The folder cannot be written, or the disk is full.
    """
    # The time makes most names sort by age; the random part makes them unique among writers.
    return _write(place_of(folder), f"{time.time_ns():020d}", table)


def _write(place: Place, stamp: str, table: pa.Table, compression: str = "lz4") -> str:
    # A small part is read three times as fast with lz4 as with zstd: most of that is starting up.
    name = f"{stamp}-{uuid.uuid4().hex[:8]}{SUFFIX}"
    data = io.BytesIO()
    pq.write_table(table, data, compression=compression)
    with writing(f"{place}/{name}"):
        place.write(name, data.getvalue())
    return name


def part_names(folder: Location) -> list[str]:
    """The names of the parts, oldest first as far as clocks tell.

    Raises:
        RunError: The folder cannot be listed.
    """
    place = place_of(folder)
    try:
        return [name for name in place.names() if name.endswith(SUFFIX)]
    except OSError as error:
        raise _unreadable(place, error) from error


def read_parts(
    folder: Location, schema: pa.Schema, *, columns: Sequence[str] | None = None, mend: bool = False
) -> Iterator[pa.Table]:
    """The parts one by one, with texts as dictionaries (see `coded`).

    Args:
        folder: Of the table.
        schema: Of the table.
        columns: Those to read; all by default.
        mend: Set parts aside that were cut short, instead of stopping at them. For writers.

    Raises:
        RunError: A part cannot be read.
    """
    place = place_of(folder)
    wanted = coded(schema if columns is None else pa.schema([schema.field(c) for c in columns]))
    seen: set[str] = set()
    merged_meanwhile = True
    while merged_meanwhile:
        names = [name for name in part_names(place) if name not in seen]
        seen.update(names)
        merged_meanwhile = False
        for name in names:
            try:
                data = place.read(name)
            except FileNotFoundError:
                merged_meanwhile = True  # its rows are in a part that was written before it went
                continue
            except OSError as error:
                raise _unreadable(f"{place}/{name}", error) from error
            if (table := _parse(place, name, data, wanted, mend)) is not None:
                yield table


def _parse(place: Place, name: str, data: bytes, schema: pa.Schema, mend: bool) -> pa.Table | None:
    texts = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    try:
        with pq.ParquetFile(pa.BufferReader(data), read_dictionary=texts) as file:
            table = file.read(columns=schema.names, use_threads=False).select(schema.names)
            return table if table.schema.equals(schema) else table.cast(schema)
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        if not mend:
            raise RunError(
                f"expected a Parquet part of this store, received '{place}/{name}', which raises "
                f"{one_line(error)}; run the same search again: it sets the part aside and "
                "computes again what it held"
            ) from error
        set_aside(place, name, error)
        return None


def set_aside(place: Place, name: str, error: Exception) -> None:
    """Take a part out of its table, and say so. What it held will be computed again."""
    with writing(f"{place}/{name}{BROKEN}"):
        place.rename(name, name + BROKEN)
    log.warning(
        "the part '%s/%s' cannot be read (%s); it is set aside as '%s' and computed again",
        *(place, name, one_line(error), name + BROKEN),
    )


def _unreadable(path: object, error: OSError) -> RunError:
    return RunError(
        f"expected to read '{path}', received {error.strerror or error}; give permission, or see "
        "that the place can be reached, and run the same command again"
    )


def coded(schema: pa.Schema) -> pa.Schema:
    """The schema with every text column as a dictionary: each distinct text is held once."""
    text = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [field.with_type(text) if field.type == pa.string() else field for field in schema]
    )


def read_table(
    folder: Location, schema: pa.Schema, key: Sequence[str], *, mend: bool = False
) -> pa.Table:
    """All parts together as a table of `coded(schema)`, the first row of each key kept.

    Raises:
        RunError: A part cannot be read.
    """
    return keep_first(list(read_parts(folder, schema, mend=mend)), schema, key)


def keep_first(tables: Sequence[pa.Table], schema: pa.Schema, key: Sequence[str]) -> pa.Table:
    """The tables of `coded(schema)` as one, without the rows whose key came before."""
    table = pa.concat_tables([coded(schema).empty_table(), *tables])
    table = table.unify_dictionaries().combine_chunks()
    first = _first_of_each(table.select(list(key)))
    return table if len(first) == len(table) else table.take(first)


def _first_of_each(keys: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Row numbers of the first row of each key, in their order."""
    combined = np.zeros(len(keys), dtype=np.int64)
    for column in keys.columns:
        codes = _codes(column)
        count = int(codes.max(initial=0)) + 1
        if count == 1:
            continue
        combined = combined * count + codes
        if int(combined.max(initial=0)) > 2**31:
            # Renumbering keeps the next product within 64 bits.
            combined = np.unique(combined, return_inverse=True)[1]
    return np.sort(np.unique(combined, return_index=True)[1])


def _codes(column: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """A number for each row, equal where the values are; rows of a key hold no nulls."""
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    codes = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in column.chunks]
    return np.concatenate([np.zeros(0, dtype=np.int64), *codes]).astype(np.int64)


def merge_parts(
    folder: Location, schema: pa.Schema, key: Sequence[str], names: Sequence[str] | None = None
) -> None:
    """Merge parts into fewer, of about a million rows each; readers and writers may be at work.

    Args:
        folder: Of the table.
        schema: Of the table.
        key: Of its rows.
        names: The parts to merge; all by default. Large ones stay as they are.

    Raises:
        RunError: The folder cannot be written. What was there is still there.
    """
    place = place_of(folder)
    group: list[tuple[str, pa.Table]] = []
    rows = 0
    for name in part_names(place) if names is None else names:
        try:
            table = _parse(place, name, place.read(name), coded(schema), mend=True)
        except FileNotFoundError:
            continue
        large = table is not None and len(table) >= ROWS_OF_A_MERGED_PART // 2
        if table is not None and not large:
            group.append((name, table))
            rows += len(table)
        if large or rows >= ROWS_OF_A_MERGED_PART:
            _merge(place, schema, key, group)
            group, rows = [], 0
    _merge(place, schema, key, group)


def _merge(
    place: Place, schema: pa.Schema, key: Sequence[str], group: Sequence[tuple[str, pa.Table]]
) -> None:
    if len(group) < 2:
        return
    merged = keep_first([table for _, table in group], schema, key).cast(schema)
    # Under the first one's stamp, rows stay in the order in which they were written.
    _write(place, group[0][0].split("-")[0], merged, "zstd")
    for name, _ in group:
        with writing(f"{place}/{name}"):
            place.remove(name)
