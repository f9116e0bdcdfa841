r"""Grading: what counts as the answer of a text, and when it is right.

Mathematical answers are compared by math-verify in processes of their own, since an answer such
as `10^10^10` would otherwise take the run down with it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cache

from polar_search.boxes import boxed
from polar_search.tasks.base import Verdict
from polar_search.tasks.grading_pool import GradingPool

Graded = tuple[str, str]
"""The right answer, and a model's text."""

LETTER = re.compile(r"\W*(?:\\\w+\{)?\W*([A-Z])(?![A-Za-z])")


def grade_math(answers: Sequence[Graded]) -> list[Verdict]:
    r"""Equality of mathematical expressions, `\frac12` and `0.5`; a text without a box is wrong."""
    found = [(gold, boxed(text)) for gold, text in answers]
    pairs = [(gold, answer) for gold, answer in found if answer is not None]
    equal = iter(_pool(os.getpid()).equal(pairs))
    return [Verdict(answer is not None and next(equal), answer) for _, answer in found]


def grade_exactly(answers: Sequence[Graded]) -> list[Verdict]:
    """Equality of texts but for white space: of the box where there is one, else of all."""
    verdicts = []
    for gold, text in answers:
        content = boxed(text)
        answer = " ".join((text if content is None else content).split())
        verdicts.append(Verdict(answer == " ".join(gold.split()), answer or None))
    return verdicts


def grade_letters(answers: Sequence[Graded]) -> list[Verdict]:
    """Equality of the letter that the box, or else the text, begins with: `(B)`, `B. Paris`."""
    verdicts = []
    for gold, text in answers:
        content = boxed(text)
        begins = LETTER.match(text if content is None else content)
        letter = begins.group(1) if begins else None
        verdicts.append(Verdict(letter == gold, letter))
    return verdicts


GRADINGS = {"math": grade_math, "exact": grade_exactly, "letter": grade_letters}
"""Gradings by name."""


@cache
def _pool(process: int) -> GradingPool:  # noqa: ARG001
    """One pool for all tasks of a process; a forked process must not talk to its parent's."""
    return GradingPool()
