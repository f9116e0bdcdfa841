"""Choosing among several answers without the answer key."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What one program (or one sample) answered.

    Attributes:
        answer: As read from the text; None where there was none.
        confidence: Mean log-probability of the text's tokens.
        correct: Whether it is right, which no selection looks at.
    """

    answer: str | None
    confidence: float
    correct: bool


def majority(answers: Sequence[Answer]) -> int:
    """The index of the answer given most often; among equals the one ranked first."""
    return _heaviest(answers, [1.0] * len(answers))


def confident(answers: Sequence[Answer]) -> int:
    """The index of the answer that the model itself found likeliest."""
    given = [a.confidence if a.answer is not None else -math.inf for a in answers]
    return max(range(len(answers)), key=lambda i: (given[i], -i))


def weighted(answers: Sequence[Answer]) -> int:
    """The index of the answer with the most votes, each weighing its mean token probability."""
    return _heaviest(answers, [math.exp(a.confidence) for a in answers])


def _heaviest(answers: Sequence[Answer], weights: Sequence[float]) -> int:
    """The first index of the answer with the largest sum of weights."""
    votes: dict[str | None, float] = {}
    for answer, weight in zip(answers, weights, strict=True):
        votes[answer.answer] = votes.get(answer.answer, 0.0) + weight
    votes.pop(None, None)
    if not votes:
        return 0
    best = max(votes.values())
    winners = {answer for answer, weight in votes.items() if weight == best}
    return next(i for i, answer in enumerate(answers) if answer.answer in winners)
