"""Counting the ways to finish a program, without listing them."""

from __future__ import annotations

from functools import lru_cache

from polar_search.program.writing import Writer, steps


class Completions:
    """From every state of a writer, how many paths lead to the end, by edits and depth.

    The counts of one state and number of edits are the coefficients of a polynomial whose powers
    are depths. It is packed into one integer, a fixed number of bits for each coefficient, so that
    adding layers is a shift and adding up counts is one sum: exact, and fast for deep models.
    """

    def __init__(self, writer: Writer, max_depth: int | None) -> None:
        """Prepares the counts.

        Args:
            writer: What may be written.
            max_depth: Greatest depth that will be asked for; None if depths will not be.
        """
        self.writer = writer
        self._steps = steps(writer)
        self._rows: dict[int | None, list[int]] = {}  # by edits; None: however many
        self._bits, self._kept = 0, -1  # no bits: all powers are 1, depths are not told apart
        if max_depth is not None:
            bits = max(self._count_row(None)).bit_length()
            self._bits, self._kept = bits, (1 << bits * (max_depth + 1)) - 1

    def count(self, state: int, edits: int | None, depth: int | None) -> int:
        """Counts the paths from ``state`` to the end that add exactly so many edits and layers.

        Args:
            state: A state of the writer.
            edits: Edits to add; None for any number.
            depth: Executed layers to add; None (where depths are not told apart) for any number.
        """
        if (edits is not None and edits < 0) or (depth is not None and depth < 0):
            return 0
        polynomial = self._row(edits)[state]
        if depth is None:
            return polynomial
        return (polynomial >> depth * self._bits) & ((1 << self._bits) - 1)

    def _row(self, edits: int | None) -> list[int]:
        row = self._rows.get(edits)
        if row is None:
            row = self._rows[edits] = self._count_row(edits)
        return row

    def _count_row(self, edits: int | None) -> list[int]:
        """Counts for one number of edits; targets of steps have smaller numbers than sources."""
        row: list[int] = []
        after_edit = row  # counts for the edits that are left after one
        if edits is not None:
            after_edit = self._row(edits - 1) if edits else [0] * len(self._steps)
        for state, state_steps in enumerate(self._steps):
            polynomial = int(self.writer.is_end(state) and not edits)
            for step in state_steps:
                finish = (after_edit if step.edits else row)[step.target]
                polynomial += finish << step.depth * self._bits
            row.append(polynomial & self._kept)
        return row


@lru_cache(maxsize=8)
def completions(writer: Writer, max_depth: int | None) -> Completions:
    """Gives the counts of a writer, shared by all who ask; see `Completions`."""
    return Completions(writer, max_depth)
