"""The neighbours of a program, drawn one by one in random order: what walking agents share."""

from __future__ import annotations

from array import array
from functools import lru_cache
from random import Random

from polar_search.program import Program, ProgramSpace


@lru_cache(maxsize=4096)
def neighbours(space: ProgramSpace, program: Program) -> tuple[Program, ...]:
    """`space.neighbours`, shared by the agents of all examples, which meet the same programs."""
    return tuple(space.neighbours(program))


class Moves:
    """Draws from the neighbours of a program without repetition, each equally likely to be next.

    Args:
        space: The space whose neighbours they are.
        program: The program to move away from.
    """

    __slots__ = ("_left", "_programs")

    def __init__(self, space: ProgramSpace, program: Program) -> None:
        self._programs = neighbours(space, program)
        self._left = array("I", range(len(self._programs)))

    def __bool__(self) -> bool:
        return bool(self._left)

    def draw(self, rng: Random) -> Program | None:
        """The next neighbour, or None when there is none left."""
        left = self._left
        if not left:
            return None
        # One step of a Fisher-Yates shuffle: no work for neighbours that are never drawn.
        chosen = rng.randrange(len(left))
        left[chosen], left[-1] = left[-1], left[chosen]
        return self._programs[left.pop()]
