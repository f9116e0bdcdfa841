"""Segments: contiguous layers that share one operation, the pieces a program is written in."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

DEFAULT_MAX_SEGMENT = 4
"""Most layers in one segment, K_max of the paper (section 3.1)."""


class Operation(StrEnum):
    """What a program does with a segment."""

    SKIP = "skip"
    KEEP = "keep"
    REPEAT = "repeat"


class Segment(NamedTuple):
    """``length`` layers from ``start`` on, executed ``executions`` times one after the other.

    Attributes:
        start: Index of the first layer.
        length: Number of layers.
        executions: 0 skips the segment, 1 keeps it, 2 or more repeat it.
    """

    start: int
    length: int
    executions: int

    @property
    def stop(self) -> int:
        """Index of the first layer behind the segment."""
        return self.start + self.length

    @property
    def operation(self) -> Operation:
        """Skip, keep or repeat."""
        if self.executions > 1:
            return Operation.REPEAT
        return Operation.KEEP if self.executions else Operation.SKIP

    @property
    def path(self) -> tuple[int, ...]:
        """The executed layers, in order."""
        return tuple(range(self.start, self.stop)) * self.executions
