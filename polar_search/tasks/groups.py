"""The group S_3 x S_3 in 36 characters: what the words of the tracking task are made of."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations

ELEMENTS = tuple(permutations(range(3)))
"""The six permutations of S_3 in lexicographic order; element 0 is the identity."""

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
"""Character 6 * g + h stands for the pair (g, h) of S_3 x S_3; `a` is the identity."""


def _compose(left: int, right: int) -> int:
    """Index of "first `left`, then `right`"."""
    first, then = ELEMENTS[left], ELEMENTS[right]
    return ELEMENTS.index(tuple(then[i] for i in first))


S3 = tuple(tuple(_compose(g, h) for h in range(6)) for g in range(6))
"""Multiplication table of S_3: `S3[g][h]` is g followed by h."""


def multiply(left: int, right: int) -> int:
    """Product of two elements of S_3 x S_3, as indices into `ALPHABET`."""
    return 6 * S3[left // 6][right // 6] + S3[left % 6][right % 6]


def product(word: Iterable[str]) -> str:
    """Product of the elements of `word`, read from left to right, as one character."""
    result = 0
    for letter in word:
        result = multiply(result, ALPHABET.index(letter))
    return ALPHABET[result]
