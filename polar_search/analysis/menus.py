"""What is reachable with few programs: the best static program and small menus.

Programs are chosen on one half of the examples and scored on the other, both ways, so no example
is scored by a program that it helped to choose. The best static program needs no answer key to
use. A menu's accuracy (any of its programs is correct) still needs a chooser that knows the
answer: it is an oracle over few programs, and the room that a predictor could fill.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from polar_search.analysis.intervals import Estimate, paired_gain, share
from polar_search.analysis.outcomes import Bools, Floats, Ints, Level, Outcomes

SIZES = (1, 2, 5)


@dataclass(frozen=True)
class MenuRow:
    """The best menu of at most `size` programs at one level; size 1 is the best static program.

    Attributes:
        level: the level, or "all".
        size: programs in the menu at most.
        qualified: programs executed for every example of the level: those to choose from.
        menus: for each of the two folds, the programs its examples are scored with, in the order
            chosen (each menu is the beginning of the larger ones); empty where a fold is empty.
        accuracy: share of examples for which any program of their menu is correct.
        gain: `accuracy` minus that of the identity on the same examples.
        mean_depth: executed layers, averaged over the menus' programs and the scored examples.
    """

    level: Level
    size: int
    qualified: int
    menus: tuple[tuple[str, ...], ...]
    accuracy: Estimate
    gain: Estimate
    mean_depth: float | None


def fold_of(example_id: str) -> int:
    """The fold (0 or 1) of an example: a stable hash of its id, whatever else is in the run."""
    return hashlib.sha256(example_id.encode()).digest()[0] & 1


def best_menus(outcomes: Outcomes) -> tuple[MenuRow, ...]:
    """Best static program and best menus, per level and over all, a row for each of `SIZES`."""
    fold = np.array([fold_of(example_id) for example_id in outcomes.example_ids])
    base = outcomes.base
    rows: list[MenuRow] = []
    for level, examples in outcomes.scopes():
        programs, verdicts = _complete_verdicts(outcomes, examples)
        menus = _choose_crosswise(verdicts, fold[examples], programs, outcomes.identity)
        scored = np.full(len(verdicts), all(menus))
        for size in SIZES:
            cut = [menu[:size] for menu in menus]
            hits, depth = _score(verdicts, outcomes.depth[programs], fold[examples], cut)
            rows.append(
                MenuRow(
                    level,
                    size,
                    qualified=len(programs),
                    menus=tuple(
                        tuple(outcomes.programs[programs[c]] for c in menu) for menu in cut
                    ),
                    accuracy=share(hits[scored]),
                    gain=paired_gain(hits[scored], base[examples][scored]),
                    mean_depth=float(depth.mean()) if scored.any() else None,
                )
            )
    return tuple(rows)


def greedy_cover(verdicts: Bools, size: int) -> list[int]:
    """Columns of `verdicts` (`[n, q]`) that together cover most rows, chosen one by one.

    Ties go to the earlier column. The choice ends early once no column covers a row more.
    """
    rows, columns = np.nonzero(verdicts)
    return cover(rows, columns, size)


def cover(rows: Ints, columns: Ints, size: int) -> list[int]:
    """The same from the pairs (`[pairs]`) of a row and a column that covers it."""
    chosen: list[int] = []
    while len(chosen) < size and len(rows):
        best = int(np.argmax(np.bincount(columns)))
        chosen.append(best)
        covered = np.zeros(rows.max() + 1, dtype=np.bool_)
        covered[rows[columns == best]] = True
        still_open = ~covered[rows]
        rows, columns = rows[still_open], columns[still_open]
    return chosen


def _complete_verdicts(outcomes: Outcomes, examples: Bools) -> tuple[Ints, Bools]:
    """Programs executed for all the examples, shallow first (`[q]`), and verdicts (`[n, q]`)."""
    n = int(examples.sum())
    rows = examples[outcomes.example]
    executed = np.bincount(outcomes.program[rows], minlength=len(outcomes.programs))
    programs = np.flatnonzero(executed == n)
    programs = programs[np.argsort(outcomes.depth[programs], kind="stable")]

    column = np.full(len(outcomes.programs), -1)
    column[programs] = np.arange(len(programs))
    rows &= (column[outcomes.program] >= 0) & outcomes.correct
    number = np.cumsum(examples) - 1
    verdicts = np.zeros((n, len(programs)), dtype=np.bool_)
    verdicts[number[outcomes.example[rows]], column[outcomes.program[rows]]] = True
    return programs, verdicts


def _choose_crosswise(
    verdicts: Bools, fold: Ints, programs: Ints, identity: int
) -> tuple[list[int], ...]:
    """For each fold the columns chosen on the other one; none at all where a fold is empty.

    Where nothing is correct on the choosing fold, there is no reason to leave the identity.
    """
    if len(np.unique(fold)) < 2:
        return [], []
    standard = [int(np.argmax(programs == identity))]
    return tuple(greedy_cover(verdicts[fold != f], max(SIZES)) or standard for f in (0, 1))


def _score(
    verdicts: Bools, depths: Ints, fold: Ints, menus: list[list[int]]
) -> tuple[Bools, Floats]:
    """For each example (`[n]`): is a program of its fold's menu correct; their mean depth."""
    hits = np.zeros(len(verdicts), dtype=np.bool_)
    depth = np.zeros(len(verdicts))
    for f, menu in enumerate(menus):
        if menu:
            hits[fold == f] = verdicts[np.ix_(fold == f, menu)].any(axis=1)
            depth[fold == f] = depths[menu].mean()
    return hits, depth
