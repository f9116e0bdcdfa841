"""Programs: which layers of a frozen model run, and in what order (paper, section 3.1)."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import NoReturn

from polar_search.errors import ProgramError
from polar_search.program.notation import format_runs, parse_runs
from polar_search.program.parsing import check_repeats, cut, read_runs
from polar_search.program.segment import DEFAULT_MAX_SEGMENT, Operation, Segment

_set = object.__setattr__


class Program:
    """An immutable layer path through a model, equal and hashed by path and number of layers.

    Make one with `identity`, `from_path`, `from_segments` or `parse`; all of them check what they
    are given. How a path is written in segments depends on ``max_segment``, which programs carry
    along but which makes no difference to what they compute, and so none to equality.

    Attributes:
        path: Indices of the executed layers, in order.
        num_layers: Layers of the model the program is for.
        max_segment: Most layers in one segment of `segments`.
    """

    __slots__ = ("_hash", "_runs", "_segments", "max_segment", "num_layers", "path")

    path: tuple[int, ...]
    num_layers: int
    max_segment: int
    _hash: int
    _runs: tuple[Segment, ...] | None
    _segments: tuple[Segment, ...] | None

    def __init__(
        self, path: Iterable[int], num_layers: int, max_segment: int = DEFAULT_MAX_SEGMENT
    ) -> None:
        """Checks the path and reads its segments; see `from_path`."""
        layers, num_layers, max_segment = _integers(path, num_layers, max_segment)
        runs = read_runs(layers, num_layers)
        check_repeats(runs, max_segment)
        self._fill(layers, num_layers, max_segment, runs)

    def _fill(
        self,
        path: tuple[int, ...],
        num_layers: int,
        max_segment: int,
        runs: tuple[Segment, ...] | None,
    ) -> None:
        _set(self, "path", path)
        _set(self, "num_layers", num_layers)
        _set(self, "max_segment", max_segment)
        _set(self, "_hash", hash((path, num_layers)))
        _set(self, "_runs", runs)
        _set(self, "_segments", None)

    @classmethod
    def unchecked(cls, path: tuple[int, ...], num_layers: int, max_segment: int) -> Program:
        """Makes a program from a path that is known to be one; spaces do so by the million."""
        program = cls.__new__(cls)
        program._fill(path, num_layers, max_segment, None)
        return program

    @classmethod
    def identity(cls, num_layers: int, max_segment: int = DEFAULT_MAX_SEGMENT) -> Program:
        """The standard pass: every layer once."""
        return cls(range(num_layers), num_layers, max_segment)

    @classmethod
    def from_path(
        cls, path: Iterable[int], num_layers: int, max_segment: int = DEFAULT_MAX_SEGMENT
    ) -> Program:
        """Reads a layer path; a segment may be repeated any number of times.

        Args:
            path: Indices of the executed layers, in order.
            num_layers: Layers of the model.
            max_segment: Most layers in one segment.

        Raises:
            ProgramError: The path is empty, has an index out of range, or is not the path of
                segments of at most ``max_segment`` layers, each skipped, kept or repeated.
        """
        return cls(path, num_layers, max_segment)

    @classmethod
    def from_segments(
        cls,
        segments: Iterable[Segment],
        num_layers: int,
        max_segment: int = DEFAULT_MAX_SEGMENT,
    ) -> Program:
        """Joins segments that cover the model from its first layer to its last.

        Kept and skipped segments may be of any length, they are cut where needed; the segments of
        the program are the canonical ones and may differ from those given.

        Raises:
            ProgramError: The segments do not partition ``[0, num_layers)``, execute nothing, or
                repeat more than ``max_segment`` layers as one.
        """
        segments, covered = tuple(segments), 0
        for segment in segments:
            if segment.start != covered or segment.length < 1 or segment.executions < 0:
                raise ProgramError(
                    f"expected a segment of one layer or more from layer {covered} on, received "
                    f"{segment}; give the segments in order, without gaps or overlaps"
                )
            covered = segment.stop
        if covered != num_layers:
            raise ProgramError(
                f"expected segments that cover {num_layers} layers, received {covered} layers; "
                f"write the program for a model of {num_layers} layers"
            )
        return cls((i for segment in segments for i in segment.path), num_layers, max_segment)

    @classmethod
    def parse(cls, text: str, num_layers: int | None = None) -> Program:
        """Reads the compact notation, the inverse of ``str(program)``.

        The notation does not tell ``max_segment``: it is 4, or the longest repeated segment.

        Args:
            text: For example ``K4 S2 R4 K2``: keep 4 layers, skip 2, run 4 twice, keep 2.
                ``R2x3`` runs 2 layers three times.
            num_layers: Layers of the model, where known; the text must then cover them all.

        Raises:
            ProgramError: The text is not a program, or one for another number of layers.
        """
        runs = parse_runs(text)
        repeated = (run.length for run in runs if run.operation is Operation.REPEAT)
        max_segment = max(DEFAULT_MAX_SEGMENT, *repeated, 0)
        covered = runs[-1].stop
        return cls.from_segments(runs, covered if num_layers is None else num_layers, max_segment)

    @property
    def runs(self) -> tuple[Segment, ...]:
        """The segments with neighbouring kept ones, and neighbouring skipped ones, joined."""
        if self._runs is None:
            _set(self, "_runs", read_runs(self.path, self.num_layers))
        return self._runs  # type: ignore[return-value]

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The canonical segments, which partition ``[0, num_layers)``."""
        if self._segments is None:
            _set(self, "_segments", cut(self.runs, self.max_segment))
        return self._segments  # type: ignore[return-value]

    @property
    def depth(self) -> int:
        """Number of executed layers, repeats counted."""
        return len(self.path)

    @property
    def unique_depth(self) -> int:
        """Number of distinct executed layers."""
        return len(set(self.path))

    @property
    def edits(self) -> int:
        """Canonical segments that are not kept, the fewest by which the path can be written.

        Each repeated segment is one edit; a run of skipped layers is as many as it takes segments
        of ``max_segment`` layers. Only the identity has none.
        """
        return sum(segment.executions != 1 for segment in self.segments)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Program):
            return NotImplemented
        return self.path == other.path and self.num_layers == other.num_layers

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return format_runs(self.runs)

    def __repr__(self) -> str:
        return f"Program('{self}')"

    def __reduce__(self) -> tuple[type[Program], tuple[tuple[int, ...], int, int]]:
        return Program, (self.path, self.num_layers, self.max_segment)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a program is immutable: '{name}' cannot be set; make a new program")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a program is immutable: '{name}' cannot be deleted")


def _integers(
    path: Iterable[int], num_layers: int, max_segment: int
) -> tuple[tuple[int, ...], int, int]:
    """Gives plain integers, whatever kind (NumPy's, tensors') the caller has."""
    try:
        layers = tuple(map(index, path))
        num_layers, max_segment = index(num_layers), index(max_segment)
    except TypeError as error:
        raise ProgramError(
            f"expected a program of integers, received something else ({error}); "
            "give layer indices, a number of layers and a segment length"
        ) from error
    if num_layers < 1 or max_segment < 1:
        raise ProgramError(
            "expected num_layers and max_segment of 1 or more, received "
            f"{num_layers} and {max_segment}; give the numbers of a real model"
        )
    return layers, num_layers, max_segment
