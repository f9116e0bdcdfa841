"""Program spaces: which programs are allowed, how many there are, and which are close together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from itertools import product
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from polar_search.errors import ConfigError, ProgramError
from polar_search.program.actions import SegmentActions
from polar_search.program.counting import Completions, completions
from polar_search.program.enumeration import path_at, walk
from polar_search.program.neighbourhood import changes
from polar_search.program.program import Program
from polar_search.program.segment import DEFAULT_MAX_SEGMENT, Operation, Segment
from polar_search.program.writing import Writer

if TYPE_CHECKING:
    import random

_LEAST = {"num_layers": 1, "max_segment": 1, "max_repeats": 1, "max_depth": 1, "max_edits": 0}
_OPTIONAL = {"max_depth", "max_edits"}


class _Class(NamedTuple):
    """Programs that are counted together; None where they differ in edits or depth.

    Attributes:
        edits: Their edits.
        depth: Their depth.
        total: How many they are, those of all classes before included.
    """

    edits: int | None
    depth: int | None
    total: int


@dataclass(frozen=True)
class ProgramSpace:
    """The programs that a search may propose: all distinct, non-empty paths within some bounds.

    Segmentation is free (any contiguous segments of at most ``max_segment`` layers) or fixed. The
    **edits** of a program in a space are its segments that are not kept: with free segmentation
    those of the canonical parse, as `Program.edits` counts them, so that skipping eight layers in
    a row is two edits where segments have at most four; with fixed segmentation the fixed ones.

    Iteration is lazy and goes by edits, then depth, then path (lexicographically).

    Attributes:
        num_layers: Layers of the model.
        max_segment: Most layers in one segment; with fixed segmentation always the longest one.
        max_repeats: Most executions of a segment (1: no repeats).
        segmentation: Lengths of the fixed segments, or one length for all; None for free.
        max_depth: Most executed layers; None for no bound.
        max_edits: Most edits; None for no bound.
    """

    num_layers: int
    max_segment: int = DEFAULT_MAX_SEGMENT
    max_repeats: int = 2
    segmentation: Sequence[int] | int | None = None
    max_depth: int | None = None
    max_edits: int | None = None

    def __post_init__(self) -> None:
        """Checks the bounds and writes a fixed segmentation out as a tuple.

        Raises:
            ConfigError: A bound is out of range, or together they leave no program.
        """
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if not (value is None and name in _OPTIONAL) and not _is_integer(value, least):
                raise ConfigError(
                    f"expected {name} to be an integer of {least} or more, received {value!r}; "
                    f"give {'such a number or none' if name in _OPTIONAL else 'such a number'}"
                )
        if self.segmentation is not None:
            lengths = _fixed_lengths(self.segmentation, self.num_layers)
            object.__setattr__(self, "segmentation", lengths)
            object.__setattr__(self, "max_segment", max(lengths))
        self._check_not_empty()

    def _check_not_empty(self) -> None:
        """Checks that the bounds on edits and depth leave a program."""
        lengths, block, _ = self._writer
        skipped = len(lengths) if self.max_edits is None else self.max_edits * block
        shortest = sum(sorted(lengths)[: max(1, len(lengths) - skipped)])
        if self.max_depth is not None and self.max_depth < shortest:
            raise ConfigError(
                f"expected max_depth of {shortest} or more, the depth of the shortest program "
                f"with max_edits={self.max_edits}, received {self.max_depth}; raise one of the two"
            )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ProgramSpace:
        """Makes a space from what `to_dict` gave.

        Raises:
            ConfigError: A name is unknown or missing, or the bounds cannot work.
        """
        known = [field.name for field in fields(cls)]
        if "num_layers" not in data or not set(data) <= set(known):
            raise ConfigError(
                f"expected num_layers and options of a program space ({', '.join(known[1:])}), "
                f"received {', '.join(map(str, data)) or 'nothing'}; correct the names"
            )
        return cls(**data)

    def to_dict(self) -> dict[str, Any]:
        """Gives the options as plain values, for configs."""
        options = asdict(self)
        if self.segmentation is not None:
            options["segmentation"] = list(self._writer.lengths)
        return options

    def __reduce__(self) -> tuple[Callable[..., ProgramSpace], tuple[dict[str, Any]]]:
        return ProgramSpace.from_dict, (self.to_dict(),)

    def size(self) -> int:
        """The exact number of programs, in an instant for any number of layers.

        Each path is written from left to right by one sequence of steps, for a path tells its
        repeated segments (`polar_search.program.writing` has the argument); so the ways to finish
        a program add up from the last layer to the first. The empty path does not count.
        """
        return self._classes[-1].total

    def sample(self, rng: random.Random) -> Program:
        """Draws a program, every one of the space with the same probability."""
        number = rng.randrange(self.size())
        place = bisect_right(self._classes, number, key=attrgetter("total"))
        edits, depth, _ = self._classes[place]
        if place:
            number -= self._classes[place - 1].total
        counts = self._counts(by_depth=self._depth_bounded)
        return self._program(path_at(counts, number, edits, depth))

    def __iter__(self) -> Iterator[Program]:
        """Yields the programs by edits, then depth, then path, without holding them."""
        for edits in range(self._most_edits + 1):
            for depth in range(1, self._longest + 1):
                yield from self.programs_with(edits, depth)

    def programs_with(self, edits: int, depth: int) -> Iterator[Program]:
        """Yields the programs of exactly so many edits and executed layers, in order of path."""
        if edits <= self._most_edits and 1 <= depth <= self._longest:
            yield from map(self._program, walk(self._counts(by_depth=True), edits, depth))

    def contains(self, program: Program) -> bool:
        """Whether the program is one of this space, which ``program in space`` asks too."""
        runs = self._unit_runs(program)
        return runs is not None and self._within(program.depth, self._count_edits(runs))

    __contains__ = contains

    def edits(self, program: Program) -> int:
        """Counts the segments of a program that are not kept, as this space cuts them.

        Raises:
            ProgramError: The program cannot be written in this space's segments and repeats.
        """
        return self._count_edits(self._require_unit_runs(program))

    def neighbours(self, program: Program) -> list[Program]:
        """Lists the programs of this space that are one change of one segment away.

        Two programs are neighbours if, written in the same segments (the fixed ones, or any of at
        most ``max_segment`` layers), they treat exactly one segment differently: a kept one is
        skipped or repeated, a skipped one kept or repeated, a repeated one kept, skipped or
        executed another number of times. So neighbours are neighbours both ways, and those of the
        identity are the programs of one edit. With free segmentation one change can make or undo
        several edits, or none: keeping the middle of a skipped segment leaves two.

        Args:
            program: The program to start from. It may exceed the bounds on depth and edits, as the
                identity does where ``max_depth`` is below it.

        Returns:
            Distinct programs, never the given one, by first layer, length and executions of the
            changed segment.

        Raises:
            ProgramError: The program cannot be written in this space's segments and repeats.
        """
        runs = self._require_unit_runs(program)
        edits = self._count_edits(runs)
        return [
            self._program(change.path)
            for change in changes(program.path, runs, self._writer)
            if change.path and self._within(len(change.path), edits + change.more_edits)
        ]

    @cached_property
    def actions(self) -> SegmentActions:
        """The numbered decisions that write a program segment by segment, and their masks."""
        return SegmentActions(self._writer, self._most_edits, self._longest)

    @cached_property
    def _writer(self) -> Writer:
        """How the paths of this space are written."""
        if isinstance(self.segmentation, tuple):
            return Writer(self.segmentation, 1, self.max_repeats)
        block = min(self.max_segment, self.num_layers)
        return Writer((1,) * self.num_layers, block, self.max_repeats)

    @property
    def _most_edits(self) -> int:
        """The edits that no program of the space exceeds."""
        units = len(self._writer.lengths)
        return units if self.max_edits is None else min(self.max_edits, units)

    @property
    def _longest(self) -> int:
        """The depth that no program of the space exceeds."""
        longest = self._writer.max_depth
        return longest if self.max_depth is None else min(self.max_depth, longest)

    def _counts(self, *, by_depth: bool) -> Completions:
        return completions(self._writer, self._longest if by_depth else None)

    @cached_property
    def _classes(self) -> list[_Class]:
        """The programs, told apart by edits and by depth only where there is a bound."""
        units = len(self._writer.lengths)
        edit_bound, depth_bound = self._most_edits < units, self._depth_bounded
        edits_apart = range(self._most_edits + 1) if edit_bound else [None]
        depths_apart = range(1, self._longest + 1) if depth_bound else [None]
        counts = self._counts(by_depth=depth_bound)
        classes: list[_Class] = []
        total = 0
        for edits, depth in product(edits_apart, depths_apart):
            total += counts.count(self._writer.start, edits, depth)
            if depth is None and edits in (None, self._writer.skip_edits(units)):
                total -= 1  # the empty path, the last of its class
            classes.append(_Class(edits, depth, total))
        return classes

    @property
    def _depth_bounded(self) -> bool:
        """Whether the bound on depth excludes anything."""
        return self._longest < self._writer.max_depth

    @cached_property
    def _unit_at(self) -> dict[int, int]:
        """The unit that begins with a layer, and the end."""
        return {layer: unit for unit, layer in enumerate(self._writer.starts)}

    def _program(self, path: tuple[int, ...]) -> Program:
        return Program.unchecked(path, self.num_layers, self.max_segment)

    def _within(self, depth: int, edits: int) -> bool:
        """Whether a program that the segments can write is within the bounds."""
        return (self.max_depth is None or depth <= self.max_depth) and (
            self.max_edits is None or edits <= self.max_edits
        )

    def _unit_runs(self, program: Program) -> list[Segment] | None:
        """Gives the runs of a program in units, or None where the segments cannot write it."""
        if program.num_layers != self.num_layers:
            return None
        runs: list[Segment] = []
        for start, length, executions in program.runs:
            begin, end = self._unit_at.get(start), self._unit_at.get(start + length)
            if begin is None or end is None or executions > self.max_repeats:
                return None
            if executions > 1 and end - begin > self._writer.block:
                return None
            runs.append(Segment(begin, end - begin, executions))
        return runs

    def _require_unit_runs(self, program: Program) -> list[Segment]:
        runs = self._unit_runs(program)
        if runs is None:
            segments = "free" if self.segmentation is None else f"fixed {self.segmentation}"
            raise ProgramError(
                f"expected a program of {self.num_layers} layers in {segments} segments of at most "
                f"{self.max_segment}, executed {self.max_repeats} times at most, received "
                f"'{program}' of {program.num_layers} layers; use the space it was made for"
            )
        return runs

    def _count_edits(self, runs: list[Segment]) -> int:
        """Counts the segments of unit runs that are not kept."""
        skips = (run.length for run in runs if run.operation is Operation.SKIP)
        repeats = sum(run.operation is Operation.REPEAT for run in runs)
        return repeats + sum(map(self._writer.skip_edits, skips))


def _is_integer(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _fixed_lengths(segmentation: Sequence[int] | int, num_layers: int) -> tuple[int, ...]:
    """Writes a segmentation out as the lengths of its segments, which cover the model."""
    if isinstance(segmentation, int):
        lengths = (segmentation,) * (num_layers // max(segmentation, 1))
    else:
        lengths = tuple(segmentation) if isinstance(segmentation, Sequence) else ()
    if not all(_is_integer(length, 1) for length in lengths) or sum(lengths) != num_layers:
        raise ConfigError(
            f"expected a segmentation into lengths of 1 or more that sum to {num_layers} layers, "
            f"received {segmentation!r}; give the length of every segment, or one that divides it"
        )
    return lengths
