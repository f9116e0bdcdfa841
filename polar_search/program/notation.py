"""The compact notation of programs: ``K4 S2 R4 K2``.

One word for each run of layers, from the first layer to the last: ``K4`` keeps four layers, ``S2``
skips two, ``R4`` runs four twice as one segment and ``R2x3`` runs two three times. ``K`` and ``S``
may be of any length (``K12`` stands for three segments ``K4``); ``R`` is always one segment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from polar_search.errors import ProgramError
from polar_search.program.segment import Segment

_WORD = re.compile(r"([KS])([1-9][0-9]{0,8})|R([1-9][0-9]{0,8})(?:x([1-9][0-9]{0,8}))?")


def format_runs(runs: Iterable[Segment]) -> str:
    """Writes runs, as ``parsing.read_runs`` gives them, in the compact notation."""
    return " ".join(map(_format_run, runs))


def _format_run(run: Segment) -> str:
    letter = run.operation.value[0].upper()
    times = f"x{run.executions}" if run.executions > 2 else ""
    return f"{letter}{run.length}{times}"


def parse_runs(text: str) -> list[Segment]:
    """Reads the compact notation; neighbouring words of one kind are left as they stand.

    Raises:
        ProgramError: A word is not of the notation, or there is none.
    """
    runs: list[Segment] = []
    for word in text.split():
        length, executions = _parse_word(word)
        runs.append(Segment(runs[-1].stop if runs else 0, length, executions))
    if not runs:
        raise ProgramError("expected a program such as 'K4 S2 R4 K2', received an empty text")
    return runs


def _parse_word(word: str) -> tuple[int, int]:
    """Gives the length and the executions of one word."""
    match = _WORD.fullmatch(word)
    if match is None or match[4] == "1":
        raise ProgramError(
            f"expected words such as K4, S2, R4 or R2x3, received '{word}'; keep (K), skip (S) or "
            "repeat (R) one layer or more, a repeat at least twice"
        )
    if match[1]:
        return int(match[2]), int(match[1] == "K")
    return int(match[3]), int(match[4] or 2)
