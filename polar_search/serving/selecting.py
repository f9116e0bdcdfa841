"""Choosing one of several programs' answers to a prompt, without an answer key."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

from polar_search.boxes import last_boxed
from polar_search.execution import ProgramEngine
from polar_search.execution.rows import Prompt
from polar_search.predictor.selection import Answer, confident, majority
from polar_search.serving.completion import Completion

Select = Literal["vote", "confidence"]

SELECTIONS: dict[str, Callable[[Sequence[Answer]], int]] = {
    "vote": majority,
    "confidence": confident,
}
"""By name: the answer given most often (among equals the one ranked first), or the one whose tokens
the model itself found likeliest in the mean."""


def select_completions(
    engine: ProgramEngine,
    asked: Sequence[tuple[Prompt, Sequence[Completion]]],
    select: Select,
) -> list[Completion]:
    """One completion for each prompt.

    Args:
        engine: Tells how likely texts are.
        asked: Prompts as the engine ran them, with their completions, best-ranked first.
        select: A name in `SELECTIONS`.
    """
    flat = [(prompt, completion) for prompt, row in asked for completion in row]
    worth = iter(_confidences(engine, flat) if select == "confidence" else [0.0] * len(flat))
    chosen = []
    for _, row in asked:
        answers = [Answer(answer_in(completion), next(worth), False) for completion in row]
        chosen.append(row[SELECTIONS[select](answers)])
    return chosen


def answer_in(completion: Completion) -> str | None:
    """What a completion votes for: its last box, else its text, if there is any."""
    if completion.finish_reason == "nan":
        return None
    text = last_boxed(completion.text) or completion.text
    return " ".join(text.split()) or None


def _confidences(engine: ProgramEngine, flat: Sequence[tuple[Prompt, Completion]]) -> list[float]:
    """Mean log-probability of the tokens of each completion."""
    sound = [(p, c) for p, c in flat if c.token_ids and c.finish_reason != "nan"]
    rows = [(prompt, completion.program) for prompt, completion in sound]
    scores = iter(engine.score(rows, [[c.token_ids] for _, c in sound]))
    return [
        next(scores)[0] / len(c.token_ids)
        if c.token_ids and c.finish_reason != "nan"
        else -math.inf
        for _, c in flat
    ]
