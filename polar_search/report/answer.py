"""The answer in plain words: what programs are worth on this model and task."""

from __future__ import annotations

from dataclasses import dataclass

from polar_search.analysis import Estimate, MenuRow, Statistics
from polar_search.report.sheets import interval, percent


@dataclass(frozen=True)
class Tile:
    """One headline number.

    Attributes:
        value: In percent.
        interval: The 95% interval, empty where there is none.
        label: What it is.
        note: What to hold against it.
        kind: A colour of the palette.
    """

    value: str
    interval: str
    label: str
    note: str
    kind: str


def headline(statistics: Statistics) -> list[str]:
    """What one program for all inputs is worth, what the right one for each, and shorter ones."""
    accuracy, shorter = statistics.accuracy[-1], statistics.shorter[-1]
    sentences = [_static(_static_row(statistics).gain), _room(accuracy.base, accuracy.both)]
    return [*sentences, *_shorter(shorter.correct_shorter)]


def _static_row(statistics: Statistics) -> MenuRow:
    return next(row for row in statistics.menus if row.level == "all" and row.size == 1)


def _static(gain: Estimate) -> str:
    """What can be had without an answer key; a gain counts if its interval excludes zero."""
    if gain.value is None:
        return "There are too few examples to choose a program on some and test it on others."
    points = f"{percent(gain.value, signed=True)} points {interval(gain, signed=True)}".strip()
    if gain.low is not None and gain.low > 0:
        return f"One program for all inputs beats the standard pass: {points}."
    if gain.high is not None and gain.high < 0:
        return f"The best single program does worse than the standard pass: {points}."
    if gain.value > 0:
        return (
            f"One program for all inputs answers more than the standard pass: {points}; "
            f"{gain.n:,} examples do not tell this from chance."
        )
    return f"No single program for all inputs is known to beat the standard pass: {points}."


def _room(base: Estimate, both: Estimate) -> str:
    if both.count == base.count:
        return "The right program for each input would answer no more than the standard pass."
    luck = (
        ""
        if both.luck is None
        else f"; among so many programs luck alone gives {_share(both.luck)}"
    )
    return (
        f"With the right program for each input, which only an oracle picks, the model would "
        f"answer {_share(both.value)} instead of {_share(base.value)}{luck}."
    )


def _shorter(shorter: Estimate) -> list[str]:
    """Whether right answers need all layers; nothing where there is no right answer."""
    if shorter.value is None:
        return []
    return [f"Of the right answers, {_share(shorter.value)} can be had with fewer layers (oracle)."]


def _share(fraction: float | None) -> str:
    return f"{percent(fraction)}%"


def tiles(statistics: Statistics) -> list[Tile]:
    """The numbers that the answer rests on."""
    accuracy, shorter = statistics.accuracy[-1], statistics.shorter[-1]
    static = _static_row(statistics)
    return [
        _tile(accuracy.base, "standard pass", "every layer once", "base"),
        _tile(
            static.accuracy, "best static program", "deployable; chosen on other examples", "loop"
        ),
        _tile(accuracy.both, "some program is right", _against_luck(accuracy.both), "both"),
        _tile(
            shorter.correct_shorter,
            "right with fewer layers",
            _against_luck(shorter.correct_shorter),
            "skip",
        ),
    ]


def _tile(estimate: Estimate, label: str, note: str, kind: str) -> Tile:
    return Tile(
        percent(estimate.value), interval(estimate), label, f"n = {estimate.n:,}; {note}", kind
    )


def _against_luck(estimate: Estimate) -> str:
    return "oracle" if estimate.luck is None else f"oracle; luck gives {percent(estimate.luck)}"
