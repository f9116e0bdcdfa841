"""What all label formats say: inputs, and the layer paths that were tried on them."""

from __future__ import annotations

from dataclasses import dataclass

Path = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Simulation:
    """One step of a search: the path it tried, the one that came from, and its reward."""

    path: Path
    parent: Path | None
    correct: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """One input with the paths that were tried on it.

    Attributes:
        where: Which sample of its file it is, for messages.
        id: The id of its question in the data set, if the file tells.
        question: Its text, if the file tells.
        answer: The right answer, if the file tells.
        level: Its difficulty, 1 (easiest) and up, if the file tells.
        verdicts: Paths and whether they are valid, in the file's order.
        base: Whether the standard pass is valid, if the file tells apart from the paths.
        search: The steps of the search, if the file tells.
    """

    where: str
    verdicts: tuple[tuple[Path, bool], ...]
    id: str | None = None
    question: str | None = None
    answer: str | None = None
    level: int | None = None
    base: bool | None = None
    search: tuple[Simulation, ...] = ()
