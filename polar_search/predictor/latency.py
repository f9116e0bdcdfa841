"""How long an answer takes beside the standard pass, choosing its program included."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

from polar_search.execution import ProgramEngine
from polar_search.program import Program

BATCH = 32
"""Prompts answered at once."""

REPETITIONS = 3


def relative_latency(
    engine: ProgramEngine,
    prompts: Sequence[str],
    choose: Callable[[Sequence[str]], Sequence[Program]],
    max_new_tokens: int,
) -> float:
    """Time of choosing programs and answering, as a share of answering by the standard pass.

    Both in turn, in batches of `BATCH`; the ratio of the medians of `REPETITIONS`.
    """
    standard = Program.identity(engine.num_layers)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(REPETITIONS):
        for mine, kept in zip((False, True), times, strict=True):
            started = time.perf_counter()
            for i in range(0, len(prompts), BATCH):
                batch = prompts[i : i + BATCH]
                programs = choose(batch) if mine else [standard] * len(batch)
                engine.generate(list(zip(batch, programs, strict=True)), max_new_tokens)
            kept.append(time.perf_counter() - started)
    return median(times[1]) / median(times[0])
