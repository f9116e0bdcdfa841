"""The paths one change away from a path: one segment skipped, kept or repeated otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from polar_search.program.segment import Operation, Segment
from polar_search.program.writing import Writer


class Change(NamedTuple):
    """A path after one change.

    Attributes:
        path: Executed layers; none if the change skips all that was executed.
        more_edits: Edits that it has more than the path before; negative if it has less.
    """

    path: tuple[int, ...]
    more_edits: int


def changes(path: tuple[int, ...], runs: Sequence[Segment], writer: Writer) -> Iterator[Change]:
    """Yields every change of one segment's executions, by first unit, length and executions.

    The changed layers are those whose number of executions differs, so no path comes twice.

    Args:
        path: Executed layers.
        runs: The same path as maximal runs, in units.
        writer: The units, the longest segment and the most executions.
    """
    starts = writer.starts
    run_position = 0  # where in the path the run begins
    for number, run in enumerate(runs):
        run_layer = starts[run.start]
        for begin, end in _segments_within(run, writer.block):
            layers = tuple(range(starts[begin], starts[end]))
            position = run_position + (starts[begin] - run_layer) * run.executions
            head, tail = path[:position], path[position + len(layers) * run.executions :]
            edits = _edits_around(runs, number, begin, end, writer)
            for executions in range(writer.max_repeats + 1):
                if executions != run.executions:
                    more_edits = edits[executions] - edits[run.executions]
                    yield Change(head + layers * executions + tail, more_edits)
        run_position += (starts[run.stop] - run_layer) * run.executions


def _segments_within(run: Segment, block: int) -> Iterator[tuple[int, int]]:
    """Yields the begin and end of all segments that a run may be cut into; a repeat is one."""
    if run.operation is Operation.REPEAT:
        yield run.start, run.stop
        return
    for begin in range(run.start, run.stop):
        for end in range(begin + 1, min(begin + block, run.stop) + 1):
            yield begin, end


def _edits_around(
    runs: Sequence[Segment], number: int, begin: int, end: int, writer: Writer
) -> list[int]:
    """Counts the edits in a segment and the skips that touch it, by the segment's executions."""
    run = runs[number]
    left, right = begin - run.start, run.stop - end  # units of the same run
    if run.executions:
        left = _skipped(runs, number - 1) if left == 0 else 0
        right = _skipped(runs, number + 1) if right == 0 else 0
    apart = writer.skip_edits(left) + writer.skip_edits(right)
    skipped = writer.skip_edits(left + end - begin + right)
    return [skipped, apart] + [apart + 1] * (writer.max_repeats - 1)


def _skipped(runs: Sequence[Segment], number: int) -> int:
    """The length of a run if there is one and it is skipped, else 0."""
    if 0 <= number < len(runs) and runs[number].executions == 0:
        return runs[number].length
    return 0
