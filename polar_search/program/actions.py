"""Programs written segment by segment: numbered actions, and which of them can still end well.

An **action** decides the next segment: how often it is executed, and how many units it has (a unit
is a layer where segmentation is free, a fixed segment where it is not). A **draft** is what is
decided so far, as far as it matters for what may follow. An action is allowed if some program of
the space can be reached through it, so whoever only takes allowed actions ends with such a program
and never in a dead end. Several action sequences may write one path: two segments of two kept
layers are one segment of four.

Edits are those of the space. A repeated segment is one; and of skipped units in a row each edit
pays for ``block`` of them, however the actions cut them.
"""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

from polar_search.errors import ProgramError
from polar_search.program.writing import Writer


class Draft(NamedTuple):
    """What is decided of a program.

    Attributes:
        units: Units decided.
        depth: Layers executed.
        edits: Edits made.
        free_skips: Units that may be skipped next without another edit.
    """

    units: int = 0
    depth: int = 0
    edits: int = 0
    free_skips: int = 0


class SegmentActions:
    """The numbered actions of a program space: executions x ``block`` + units - 1.

    So with fixed segmentation action 0 skips, 1 keeps, 2 repeats; with free segmentation of at most
    four layers 0 to 3 skip one to four layers, 4 to 7 keep them and 8 to 11 run them twice.

    Attributes:
        writer: The units of the space, its longest segment and most executions.
        max_edits: Most edits.
        max_depth: Most executed layers.
    """

    def __init__(self, writer: Writer, max_edits: int, max_depth: int) -> None:
        self.writer, self.max_edits, self.max_depth = writer, max_edits, max_depth
        self._starts = writer.starts
        # By unit: the least depth of those from it on, if 0, 1, 2, ... of them are executed.
        rests = (sorted(writer.lengths[unit:]) for unit in range(len(writer.lengths) + 1))
        self._least = [(0, *accumulate(rest)) for rest in rests]
        self._allowed: dict[Draft, tuple[bool, ...]] = {}

    def __len__(self) -> int:
        return (self.writer.max_repeats + 1) * self.writer.block

    def segment(self, action: int) -> tuple[int, int]:
        """The executions and the units of an action.

        Raises:
            ProgramError: There is no such action.
        """
        if not 0 <= action < len(self):
            raise ProgramError(
                f"expected an action of 0 to {len(self) - 1}, received {action}; "
                "choose an allowed one"
            )
        executions, shorter = divmod(action, self.writer.block)
        return executions, shorter + 1

    def layers(self, draft: Draft, action: int) -> range:
        """The layers of the segment that an action decides; it must end within the model."""
        _, units = self.segment(action)
        return range(self._starts[draft.units], self._starts[draft.units + units])

    def position(self, draft: Draft) -> int:
        """How many layers are decided."""
        return self._starts[draft.units]

    def is_end(self, draft: Draft) -> bool:
        """Whether every layer is decided."""
        return draft.units == len(self.writer.lengths)

    def after(self, draft: Draft, action: int) -> Draft:
        """The draft after one more segment, which must end within the model."""
        executions, units = self.segment(action)
        if executions:
            depth = draft.depth + executions * len(self.layers(draft, action))
            return Draft(draft.units + units, depth, draft.edits + (executions > 1), 0)
        paid = self.writer.skip_edits(max(0, units - draft.free_skips))
        free = draft.free_skips + paid * self.writer.block - units
        return Draft(draft.units + units, draft.depth, draft.edits + paid, free)

    def allowed(self, draft: Draft) -> tuple[bool, ...]:
        """Which actions lead on to a program of the space; none once every layer is decided."""
        mask = self._allowed.get(draft)
        if mask is None:
            left = len(self.writer.lengths) - draft.units
            mask = tuple(
                self.segment(action)[1] <= left and self.can_end(self.after(draft, action))
                for action in range(len(self))
            )
            self._allowed[draft] = mask
        return mask

    def can_end(self, draft: Draft) -> bool:
        """Whether the rest can be decided so that the whole is a program of the space.

        The shallowest end tells: it skips as many units as the edits left allow, the longest ones,
        but for one if nothing is executed so far.
        """
        least = self._least[draft.units]
        edits_left = self.max_edits - draft.edits
        skipped = draft.free_skips + edits_left * self.writer.block
        executed = max(len(least) - 1 - skipped, 0 if draft.depth else 1)
        return (
            edits_left >= 0
            and executed < len(least)
            and draft.depth + least[executed] <= self.max_depth
        )
