"""Programs written from left to right, one step at a time: the automaton behind a program space.

A **unit** is the smallest piece with an operation of its own: a layer where segmentation is free, a
fixed segment where it is not. A writer stands before some unit, with the path of all units before
it written, and does one of these, in this order:

- **repeat** the last n units, which were executed once so far, r - 1 more times (one edit);
- **execute** the next unit;
- **skip** the next unit (one edit, and free for the rest of a segment: of ``block`` skipped units
  in a row only the first counts).

A segment can start over only right behind its last unit, so each path is written by exactly one
sequence of steps. And the steps of one state go on with different layers, rising in the order above
(n and r falling), so that walking them in order gives the paths of one depth in lexicographic order
- and the empty path last of all.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple


class Step(NamedTuple):
    """One step of the writer.

    Attributes:
        target: The state it leads to.
        edits: 1 if it makes a segment that is not kept, else 0.
        depth: Number of executed layers.
        layers: The executed layers themselves.
    """

    target: int
    edits: int
    depth: int
    layers: tuple[int, ...]


class Writer(NamedTuple):
    """What a writer may do: units from the first to the last, and how they may be repeated.

    A state is numbered ``remaining units * 2 * block + memory``. A memory of 0 to ``block`` is how
    many of the last units may start over; a greater one means ``memory - block`` free skips. All
    steps lead to states of smaller numbers, and writing is over in states below ``2 * block``.

    Attributes:
        lengths: Layers in each unit.
        block: Most units in a repeated segment, or skipped by one edit.
        max_repeats: Most executions of a segment.
    """

    lengths: tuple[int, ...]
    block: int
    max_repeats: int

    @property
    def starts(self) -> tuple[int, ...]:
        """The first layer of every unit, and at last the number of layers."""
        return (0, *accumulate(self.lengths))

    @property
    def start(self) -> int:
        """The state in which nothing is written yet."""
        return self.state(0, 0)

    @property
    def max_depth(self) -> int:
        """Depth of the longest path."""
        return sum(self.lengths) * self.max_repeats

    def skip_edits(self, units: int) -> int:
        """The edits that it takes to skip so many units in a row."""
        return -(-units // self.block)

    def is_end(self, state: int) -> bool:
        """Whether all units are dealt with, so that writing may stop."""
        return state < 2 * self.block

    def state(self, unit: int, memory: int) -> int:
        """The state before ``unit`` with a memory."""
        return (len(self.lengths) - unit) * 2 * self.block + memory


@lru_cache(maxsize=64)
def steps(writer: Writer) -> tuple[tuple[Step, ...], ...]:
    """Gives the steps of every state, by its number."""
    return tuple(
        tuple(_steps_from(writer, unit, memory))
        for unit in range(len(writer.lengths), -1, -1)
        for memory in range(2 * writer.block)
    )


def _steps_from(writer: Writer, unit: int, memory: int) -> Iterator[Step]:
    """Gives the steps before ``unit``."""
    starts, block = writer.starts, writer.block
    executed, free_skips = (memory, 0) if memory <= block else (0, memory - block)
    for count in range(min(executed, unit), 0, -1):
        layers = tuple(range(starts[unit - count], starts[unit]))
        for more in range(writer.max_repeats - 1, 0, -1):
            yield Step(writer.state(unit, 0), 1, len(layers) * more, layers * more)
    if unit < len(writer.lengths):
        layers = tuple(range(starts[unit], starts[unit + 1]))
        yield Step(writer.state(unit + 1, min(executed + 1, block)), 0, len(layers), layers)
        left = free_skips - 1 if free_skips else block - 1
        yield Step(writer.state(unit + 1, block + left if left else 0), int(not free_skips), 0, ())
