"""Chains of +, - and * with an answer in -99..99: what the arithmetic task is made of."""

from __future__ import annotations

import random
from collections.abc import Sequence

MAX_ANSWER = 99


Bounds = tuple[int, ...]
"""The largest number at each place of a chain; the smallest is 0."""

LEVELS: dict[int, Bounds] = {1: (99, 20), 2: (9,) * 3, 3: (9,) * 4, 4: (9,) * 5, 5: (9,) * 6}
"""A level has as many operations as its number. The first one takes larger numbers, since one
operation on one-digit numbers has only 300 strings."""


def value(numbers: Sequence[int], signs: Sequence[str]) -> int:
    """Value of `numbers[0] signs[0] numbers[1] ...`; products bind before sums."""
    total, term = 0, numbers[0]
    for sign, number in zip(signs, numbers[1:], strict=True):
        if sign == "*":
            term *= number
        else:
            total += term
            term = number if sign == "+" else -number
    return total + term


def draw(bounds: Bounds, rng: random.Random) -> tuple[str, int]:
    """A random chain within `bounds` and its value; chains with a longer answer are drawn again."""
    while True:
        numbers = [rng.randint(0, bound) for bound in bounds]
        signs = rng.choices("+-*", k=len(bounds) - 1)
        answer = value(numbers, signs)
        if abs(answer) <= MAX_ANSWER:
            chain = "".join(f"{n}{s}" for n, s in zip(numbers, [*signs, ""], strict=True))
            return chain, answer
