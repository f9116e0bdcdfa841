"""Programs as a handful of categorical choices, for optimisers that know nothing of programs.

With **fixed segmentation** there is one choice for each segment: what is done with it. With **free
segmentation** there is one choice for each edit that a program may have: nothing, or an operation
on a segment of layers. So the number of choices is that of `max_edits`, whatever the model's depth,
and what is drawn at random is most often a program of the space; a choice for each layer would
leave the space almost always. Several choices may stand for one program (the order of edits makes
no difference), and some for none.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate

from polar_search.errors import ProgramError
from polar_search.program.program import Program
from polar_search.program.segment import Operation, Segment
from polar_search.program.space import ProgramSpace

NOTHING = "K"
"""The choice that leaves everything as it is."""


class Encoding:
    """The programs of a space as values of named categorical parameters.

    Choices are words of the notation of programs, with the first layer behind an @ where
    segmentation is free: ``K``, ``S2@5`` (skip layers 5 and 6), ``R3@0``, ``R1x3@7``. They stand in
    the order of layer, length and executions, so neighbouring choices are alike.

    Args:
        space: The programs to encode.
    """

    def __init__(self, space: ProgramSpace) -> None:
        self.space = space

    @cached_property
    def choices(self) -> dict[str, tuple[str, ...]]:
        """The values that each parameter may take."""
        fixed = self._fixed
        if fixed is None:
            words = (NOTHING, *self._edits)
            edits = self.space.max_edits
            count = self.space.num_layers if edits is None else min(edits, self.space.num_layers)
            return {f"edit_{i}": words for i in range(count)}
        executions = (1, 0, *range(2, self.space.max_repeats + 1))
        return {f"segment_{i}": tuple(map(_operation, executions)) for i in range(len(fixed))}

    def decode(self, values: Mapping[str, str]) -> Program | None:
        """The program that the values stand for; None where that is none of the space.

        An edit that overlaps one of an earlier parameter counts for nothing.
        """
        segments = self._chosen(values) if self._fixed is None else self._in_place(values)
        path = tuple(layer for segment in segments for layer in segment.path)
        if not path:
            return None
        program = Program.unchecked(path, self.space.num_layers, self.space.max_segment)
        return program if program in self.space else None

    def encode(self, program: Program) -> dict[str, str]:
        """Values that `decode` makes the program of.

        Raises:
            ProgramError: The program is not of the space.
        """
        if program not in self.space:
            raise ProgramError(
                f"expected a program of the encoded space, received '{program}'; encode it in the "
                "space that it was made for"
            )
        if self._fixed is not None:
            counts = (program.path.count(segment.start) for segment in self._fixed)
            return dict(zip(self.choices, map(_operation, counts), strict=True))
        own = Program.unchecked(program.path, program.num_layers, self.space.max_segment)
        words = [_word(s) for s in own.segments if s.operation is not Operation.KEEP]
        words += [NOTHING] * (len(self.choices) - len(words))
        return dict(zip(self.choices, words, strict=True))

    @cached_property
    def _fixed(self) -> list[Segment] | None:
        """The fixed segments, None where segmentation is free."""
        lengths = self.space.segmentation
        if not isinstance(lengths, tuple):
            return None
        starts = accumulate(lengths, initial=0)
        return [Segment(*pair, 1) for pair in zip(starts, lengths, strict=False)]

    @cached_property
    def _edits(self) -> dict[str, Segment]:
        """All segments that may be skipped or repeated, by their word."""
        space = self.space
        segments = (
            Segment(start, length, executions)
            for start in range(space.num_layers)
            for length in range(1, min(space.max_segment, space.num_layers - start) + 1)
            for executions in (0, *range(2, space.max_repeats + 1))
        )
        return {_word(segment): segment for segment in segments}

    def _in_place(self, values: Mapping[str, str]) -> list[Segment]:
        """The fixed segments with what is chosen for them."""
        chosen = (values[name] for name in self.choices)
        return [
            segment._replace(executions=_executions(word))
            for segment, word in zip(self._fixed or [], chosen, strict=True)
        ]

    def _chosen(self, values: Mapping[str, str]) -> list[Segment]:
        """The chosen edits that do not overlap, and the layers that are kept between them."""
        owner: dict[int, Segment] = {}
        for name in self.choices:
            edit = self._edits.get(values[name])
            if edit and not any(layer in owner for layer in range(edit.start, edit.stop)):
                owner |= dict.fromkeys(range(edit.start, edit.stop), edit)
        layers = range(self.space.num_layers)
        return list(dict.fromkeys(owner.get(i, Segment(i, 1, 1)) for i in layers))


def _operation(executions: int) -> str:
    """What is done with a segment, as a word: ``S``, ``K``, ``R``, ``Rx3``."""
    return ("S", "K", "R")[executions] if executions < 3 else f"Rx{executions}"


def _executions(word: str) -> int:
    """The inverse of `_operation`."""
    return "SKR".index(word) if len(word) == 1 else int(word[2:])


def _word(edit: Segment) -> str:
    """An edit as a word of the notation and its first layer."""
    letter, times = _operation(edit.executions)[0], _operation(edit.executions)[1:]
    return f"{letter}{edit.length}{times}@{edit.start}"
