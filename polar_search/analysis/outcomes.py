"""The numpy view of a run's outcomes that every statistic is computed from.

Strings become integer codes once, so that a statistic over millions of outcomes is a handful of
array operations and memory stays linear in the number of outcomes. Axis letters: N outcomes,
E examples, P programs, D layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from polar_search.errors import RunError

Level: TypeAlias = int | Literal["all"]
Bools: TypeAlias = npt.NDArray[np.bool_]
Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

COLUMNS = ("example_id", "level", "path", "program", "text", "correct", "source")
SOURCES = ("confirmed", "executed", "imported")
"""Where an outcome may come from, most trusted first."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Outcomes as integer codes: one for each example and program, sorted by both.

    Attributes:
        num_layers: D, the layers of the model.
        example_ids: `[E]`, sorted; an example's code is its index.
        level: `[E]`, the level of each example.
        programs: `[P]`, notations, sorted; a program's code is its index.
        depth: `[P]`, executed layers of each program.
        unique_depth: `[P]`, distinct layers of each program.
        layers: the layers of all programs, one path after the other, each of its `depth`.
        identity: code of the identity.
        texts: the distinct generated texts; a text's code is its index.
        example: `[N]`, example code of each outcome.
        program: `[N]`, program code of each outcome.
        text: `[N]`, text code of each outcome, -1 where no text is known (imported labels).
        correct: `[N]`, the verdicts.
        source: `[N]`, where each outcome is from, as an index of `SOURCES`.
    """

    num_layers: int
    example_ids: tuple[str, ...]
    level: Ints
    programs: tuple[str, ...]
    depth: Ints
    unique_depth: Ints
    layers: Ints
    identity: int
    texts: tuple[str, ...]
    example: Ints
    program: Ints
    text: Ints
    correct: Bools
    source: Ints

    @classmethod
    def from_table(cls, table: pa.Table, num_layers: int) -> Outcomes:
        """The view of a store's outcomes; their order does not matter.

        Where an (example, program) pair has several sources, a confirmed outcome wins over an
        executed one, and that over an imported one.

        Args:
            table: outcomes with at least the columns `COLUMNS`. `text` may hold nulls, and
                `path` where another row of its program has it.
            num_layers: D of the model that was run.

        Raises:
            RunError: no outcomes, missing columns or cells, a path of another model, an example
                with two levels or without the identity, a pair twice from one source.
        """
        _check_columns(table)
        example, example_ids = _encode(table["example_id"])
        program, programs = _encode(table["program"])
        text, texts = _encode(table["text"])
        depth, unique_depth, layers, identity = _measure_programs(
            table, program, programs, num_layers
        )
        level = _levels(example, table["level"].to_numpy().astype(np.int64), example_ids)

        source = _sources(table["source"])
        rows = _most_trusted_rows(example, program, source)
        outcomes = cls(
            num_layers=num_layers,
            example_ids=example_ids,
            level=level,
            programs=programs,
            depth=depth,
            unique_depth=unique_depth,
            layers=layers,
            identity=identity,
            texts=texts,
            example=example[rows],
            program=program[rows],
            text=text[rows],
            correct=table["correct"].to_numpy()[rows],
            source=source[rows],
        )
        _check_identity(outcomes)
        return outcomes

    @property
    def num_examples(self) -> int:
        """E, the number of examples."""
        return len(self.example_ids)

    @property
    def base(self) -> Bools:
        """`[E]`, whether the identity is correct."""
        return self.any_correct(self.program == self.identity)

    def any_correct(self, among: Bools) -> Bools:
        """`[E]`, whether any outcome of the example `among` the marked ones (`[N]`) is correct."""
        found = np.zeros(self.num_examples, dtype=np.bool_)
        found[self.example[among & self.correct]] = True
        return found

    def scopes(self) -> Iterator[tuple[Level, Bools]]:
        """Each level with its examples (`[E]`), then all levels together."""
        for level in np.unique(self.level):
            yield int(level), self.level == level
        yield "all", np.ones(self.num_examples, dtype=np.bool_)

    def with_verdicts(self, correct: Bools) -> Outcomes:
        """The same outcomes with other verdicts (`[N]`)."""
        return replace(self, correct=correct)


def _check_columns(table: pa.Table) -> None:
    if missing := [name for name in COLUMNS if name not in table.column_names]:
        raise RunError(
            f"expected outcomes with the columns {', '.join(COLUMNS)}, received none named "
            f"{', '.join(missing)}; read the run's folder through its store"
        )
    if table.num_rows == 0:
        raise RunError(
            "expected at least one outcome, received none; run `polar-search search` first"
        )
    for name in COLUMNS:
        if name not in ("path", "text") and table[name].null_count:
            raise RunError(
                f"expected a value in every cell of '{name}', received {table[name].null_count} "
                "empty ones; read the run's folder through its store"
            )


def _encode(column: pa.ChunkedArray) -> tuple[Ints, tuple[str, ...]]:
    """Codes (`[N]`, -1 for null) and the sorted distinct values they stand for."""
    if pa.types.is_dictionary(column.type):
        return _encode_coded(column.unify_dictionaries().combine_chunks())
    values = pc.unique(column).drop_null().sort()
    codes = pc.fill_null(pc.index_in(column, value_set=values), -1)
    return codes.to_numpy().astype(np.int64), tuple(values.to_pylist())


def _encode_coded(column: pa.DictionaryArray) -> tuple[Ints, tuple[str, ...]]:
    """The same of a column that is a dictionary already."""
    indices = column.indices.fill_null(-1).to_numpy()
    used = np.unique(indices[indices >= 0])
    values = column.dictionary.take(pa.array(used))
    order = pc.array_sort_indices(values).to_numpy()
    code_of = np.full(len(column.dictionary) + 1, -1)  # the last one stands for null
    code_of[used[order]] = np.arange(len(order))
    return code_of[indices], tuple(values.take(pa.array(order)).to_pylist())


def _measure_programs(
    table: pa.Table, program: Ints, programs: tuple[str, ...], num_layers: int
) -> tuple[Ints, Ints, Ints, int]:
    """Depth, unique depth of each program (`[P]`), all their layers, the code of the identity."""
    known = np.flatnonzero(table["path"].is_valid().to_numpy())
    first_rows = known[np.unique(program[known], return_index=True)[1]]
    if len(first_rows) < len(programs):
        raise RunError(
            f"expected a path for every program, received {len(programs)} programs and paths of "
            f"{len(first_rows)}; read the run's folder through its store"
        )
    paths = table["path"].take(pa.array(first_rows)).combine_chunks()
    layers = pc.list_flatten(paths).to_numpy().astype(np.int64)
    depth = pc.list_value_length(paths).to_numpy().astype(np.int64)
    owner = np.repeat(np.arange(len(programs)), depth)

    if (strange := (layers < 0) | (layers >= num_layers)).any():
        at = int(np.argmax(strange))
        raise RunError(
            f"expected paths over {num_layers} layers, received layer {layers[at]} in program "
            f"'{programs[owner[at]]}'; pass the number of layers of the model that was run"
        )

    executed = np.zeros((len(programs), num_layers), dtype=np.bool_)
    executed[owner, layers] = True
    unique_depth = executed.sum(axis=1, dtype=np.int64)

    position = np.arange(len(layers)) - np.repeat(np.cumsum(depth) - depth, depth)
    displaced = np.bincount(owner[layers != position], minlength=len(programs))
    identity = np.flatnonzero((displaced == 0) & (depth == num_layers))
    if len(identity) != 1:
        raise RunError(
            f"expected the identity of {num_layers} layers among the programs, received "
            f"{len(programs)} programs and {len(identity)} identities; pass the number of layers "
            "of the model that was run, or continue the search"
        )
    return depth, unique_depth, layers, int(identity[0])


def _levels(example: Ints, row_level: Ints, example_ids: tuple[str, ...]) -> Ints:
    level = np.empty(len(example_ids), dtype=np.int64)
    level[example] = row_level
    if (other := level[example] != row_level).any():
        at = int(np.argmax(other))
        raise RunError(
            f"expected one level an example, received {row_level[at]} and {level[example[at]]} "
            f"for example '{example_ids[example[at]]}'; give the outcomes of one task"
        )
    return level


def _sources(source: pa.ChunkedArray) -> Ints:
    """For each row the place of its source in `SOURCES`."""
    codes, sources = _encode(source)
    if unknown := sorted(set(sources) - set(SOURCES)):
        raise RunError(
            f"expected sources among {', '.join(SOURCES)}, received '{unknown[0]}'; read the run's "
            "folder through its store"
        )
    places: Ints = np.array([SOURCES.index(name) for name in sources])[codes]
    return places


def _most_trusted_rows(example: Ints, program: Ints, trust: Ints) -> Ints:
    """One row for each (example, program), sorted by both, from its most trusted source."""
    order = np.lexsort((trust, program, example))
    same_pair = (np.diff(example[order]) == 0) & (np.diff(program[order]) == 0)
    if (same_pair & (np.diff(trust[order]) == 0)).any():
        raise RunError(
            "expected one outcome for each example, program and source, received several; give "
            "the outcomes of one model, task and decoding, read through the store"
        )
    return order[np.concatenate(([True], ~same_pair))]


def _check_identity(outcomes: Outcomes) -> None:
    has_identity = np.zeros(outcomes.num_examples, dtype=np.bool_)
    has_identity[outcomes.example[outcomes.program == outcomes.identity]] = True
    if not has_identity.all():
        raise RunError(
            "expected an outcome of the identity for every example, received none for "
            f"{np.count_nonzero(~has_identity)} of {outcomes.num_examples} (first: "
            f"'{outcomes.example_ids[int(np.argmin(has_identity))]}'); continue the search"
        )
