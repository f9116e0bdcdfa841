"""What the k best programs shared by all inputs cover, k up to 100.

Programs are chosen on one half of the examples, among all that the search found valid there, and
scored on the other half, both ways. Where every example had a search of its own, most cells (an
example and a program of its menu) were never executed; they count as wrong until
`polar-search menu RUN --execute` executes them, so what is covered before is a lower bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polar_search.analysis.intervals import Estimate, share
from polar_search.analysis.menus import cover, fold_of
from polar_search.analysis.outcomes import Bools, Ints, Level, Outcomes

SIZE = 100
"""Programs of a menu at most."""
STEPS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, SIZE)
"""Sizes that are told."""

Menus = tuple[tuple[str, ...], tuple[str, ...]]
"""For each fold of the examples, the programs they are scored with, in the order chosen."""


@dataclass(frozen=True)
class CoverageRow:
    """What menus of one size cover at one level.

    Attributes:
        level: the level, or "all".
        programs: programs of a menu at most.
        covered: share of the examples that a program of their menu answers; an oracle chooses.
        of_solvable: the same, of those that the search itself solved.
        executed: share of the cells that are executed, the others counting as wrong; None where
            there are none.
    """

    level: Level
    programs: int
    covered: Estimate
    of_solvable: Estimate
    executed: float | None


def choose_menus(outcomes: Outcomes, size: int = SIZE) -> Menus:
    """For each fold the programs that together cover most of the other fold, chosen greedily.

    Among equals the shallower, then the first in notation. The choice ends when nothing is left to
    cover; without anything to cover it is the standard pass. Both are empty where a fold is.
    """
    fold = _folds(outcomes)
    if len(np.unique(fold)) < 2:
        return (), ()
    order = np.argsort(outcomes.depth, kind="stable")
    place = np.argsort(order)
    menus = []
    for scored in (0, 1):
        rows = outcomes.correct & (fold[outcomes.example] != scored)
        chosen = cover(outcomes.example[rows], place[outcomes.program[rows]], size)
        codes = order[chosen] if chosen else [outcomes.identity]
        menus.append(tuple(outcomes.programs[code] for code in codes))
    return menus[0], menus[1]


def missing_cells(outcomes: Outcomes, menus: Menus) -> list[tuple[str, str]]:
    """The cells without an outcome, as example id and program."""
    executed = set(zip(outcomes.example.tolist(), outcomes.program.tolist(), strict=True))
    code = {program: number for number, program in enumerate(outcomes.programs)}
    return [
        (id_, program)
        for example, (id_, fold) in enumerate(
            zip(outcomes.example_ids, _folds(outcomes).tolist(), strict=True)
        )
        for program in menus[fold]
        if (example, code.get(program, -1)) not in executed
    ]


def coverage(outcomes: Outcomes, menus: Menus, solvable: Bools) -> tuple[CoverageRow, ...]:
    """What the first k programs of the menus cover, per level and over all.

    Args:
        outcomes: all that was executed, by the search and for the menus.
        menus: see `choose_menus`.
        solvable: `[E]`, which examples the search solved.
    """
    longest = max(1, *map(len, menus))
    sizes = sorted({*(k for k in STEPS if k < longest), longest})
    fold = _folds(outcomes)
    place = _places(outcomes, menus)[fold[outcomes.example], outcomes.program]
    first = np.full(outcomes.num_examples, SIZE)
    np.minimum.at(first, outcomes.example[outcomes.correct], place[outcomes.correct])
    lengths = np.array([len(menu) for menu in menus])[fold]
    rows = []
    for level, members in outcomes.scopes():
        examples = members & all(menus)
        executed = place[examples[outcomes.example]]
        for k in sizes:
            cells = int(np.minimum(lengths[examples], k).sum())
            rows.append(
                CoverageRow(
                    level,
                    k,
                    covered=share(first[examples] < k),
                    of_solvable=share(first[examples & solvable] < k),
                    executed=int(np.count_nonzero(executed < k)) / cells if cells else None,
                )
            )
    return tuple(rows)


def _folds(outcomes: Outcomes) -> Ints:
    return np.array([fold_of(id_) for id_ in outcomes.example_ids], dtype=np.int64)


def _places(outcomes: Outcomes, menus: Menus) -> Ints:
    """`[2, P]`, the place of each program in the menu of each fold; `SIZE` where it is in none."""
    places = np.full((2, len(outcomes.programs)), SIZE)
    code = {program: number for number, program in enumerate(outcomes.programs)}
    for fold, menu in enumerate(menus):
        for at, program in enumerate(menu):
            if program in code:
                places[fold, code[program]] = at
    return places
