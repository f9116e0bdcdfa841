"""From a layer path to its segments.

A path can be read in one way only, up to where its kept and skipped layers are cut. A program goes
through disjoint segments from left to right, so its path rises everywhere except where a repeated
segment starts over; there it falls from the segment's last layer to its first (or stays, for one
layer). The fall names both ends of the segment, and the number of falls its executions. Whatever
lies outside the repeated segments is executed once (kept) or never (skipped).

So of the rules that make the parse canonical (fewer segments, then fewer skips, then more repeats,
then larger segments earlier) the first and the last decide alone: every maximal run of kept or of
skipped layers is cut into as few segments as possible, the full ones first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from polar_search.errors import ProgramError
from polar_search.program.segment import Operation, Segment


def read_runs(path: Sequence[int], num_layers: int) -> tuple[Segment, ...]:
    """Reads a path as maximal runs: joined kept layers, joined skipped layers, repeated segments.

    Args:
        path: Executed layers, in order.
        num_layers: Layers of the model; the runs partition ``[0, num_layers)``.

    Raises:
        ProgramError: The path is empty, leaves the model, or goes back other than to repeat.
    """
    if not path:
        raise ProgramError(
            "expected a program that executes a layer, received an empty path; keep some segment"
        )
    runs: list[Segment] = []
    layer, position = 0, 0  # the first layer and the first position that no run covers yet
    while position < len(path):
        start = path[position]
        if not layer <= start < num_layers:
            raise _misplaced(path, position, num_layers)
        if start > layer:
            runs.append(Segment(layer, start - layer, 0))
        last = position
        while last + 1 < len(path) and path[last + 1] == path[last] + 1:
            last += 1
        stop, position = path[last] + 1, last + 1
        if stop > num_layers:
            raise _misplaced(path, last - (stop - 1 - num_layers), num_layers)
        again = path[position] if position < len(path) else stop
        kept_until = again if start <= again < stop else stop
        if kept_until > start:
            runs.append(Segment(start, kept_until - start, 1))
        if kept_until < stop:
            executions = _executions(path, position, again, stop)
            runs.append(Segment(again, stop - again, executions))
            position += (executions - 1) * (stop - again)
        layer = stop
    if layer < num_layers:
        runs.append(Segment(layer, num_layers - layer, 0))
    return tuple(runs)


def _executions(path: Sequence[int], position: int, start: int, stop: int) -> int:
    """Counts how often ``[start, stop)`` runs, when its second execution starts at ``position``."""
    executions, block = 1, tuple(range(start, stop))
    while tuple(path[position : position + len(block)]) == block:
        executions += 1
        position += len(block)
    if executions == 1:
        raise ProgramError(
            f"expected layers {start} to {stop - 1} to be repeated as a whole, received "
            f"{list(path[position : position + len(block)])} at position {position} of the path; "
            "repeat or keep whole segments"
        )
    return executions


def _misplaced(path: Sequence[int], position: int, num_layers: int) -> ProgramError:
    """Says why the layer at ``position`` cannot stand there."""
    layer = path[position]
    if not 0 <= layer < num_layers:
        return ProgramError(
            f"expected layers from 0 to {num_layers - 1}, received {layer} at position {position} "
            f"of the path; write the program for a model of {num_layers} layers"
        )
    return ProgramError(
        f"expected a later layer or the start of the segment just run, received {layer} after "
        f"{path[position - 1]} at position {position} of the path; go back only to repeat a segment"
    )


def cut(runs: Iterable[Segment], max_segment: int) -> tuple[Segment, ...]:
    """Cuts runs into the canonical segments of at most ``max_segment`` layers."""
    return tuple(segment for run in runs for segment in _cut_run(run, max_segment))


def _cut_run(run: Segment, max_segment: int) -> Iterator[Segment]:
    for start in range(run.start, run.stop, max_segment):
        yield Segment(start, min(max_segment, run.stop - start), run.executions)


def check_repeats(runs: Iterable[Segment], max_segment: int) -> None:
    """Checks that repeated segments are short enough, for a repeat cannot be cut in two.

    Raises:
        ProgramError: One is longer than ``max_segment``.
    """
    for run in runs:
        if run.operation is Operation.REPEAT and run.length > max_segment:
            raise ProgramError(
                f"expected repeated segments of at most {max_segment} layers, received layers "
                f"{run.start} to {run.stop - 1} repeated as one; raise max_segment"
            )
