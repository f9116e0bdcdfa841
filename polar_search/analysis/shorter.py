"""Shorter valid programs, and programs that correct the standard pass (section 2, Figure 4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polar_search.analysis.intervals import Estimate, Mean, mean, share
from polar_search.analysis.outcomes import Bools, Ints, Level, Outcomes


@dataclass(frozen=True)
class ShorterRow:
    """Shorter and correcting programs at one level; every share is an oracle.

    Attributes:
        level: the level, or "all".
        correct_shorter: share of C->C (the identity is correct) with a valid program that
            executes fewer than D layers.
        corrected: share of the examples that the identity gets wrong which some program
            corrects; its `count` is the number of W->C examples.
        corrected_shorter: share of W->C with a correcting program of fewer than D layers.
        correct_depth: mean depth, in layers, of the shortest valid program over C->C.
        corrected_depth: mean depth, in layers, of the shortest correcting program over W->C.
        correct_unique: mean of the distinct layers of the shortest valid program over C->C; where
            several are shortest, of the one with the fewest.
        corrected_unique: the same of the shortest correcting program over W->C.
    """

    level: Level
    correct_shorter: Estimate
    corrected: Estimate
    corrected_shorter: Estimate
    correct_depth: Mean
    corrected_depth: Mean
    correct_unique: Mean
    corrected_unique: Mean


def shorter_programs(outcomes: Outcomes, base: Bools) -> tuple[ShorterRow, ...]:
    """Shares of examples with shorter and with correcting programs, per level and over all.

    Args:
        outcomes: the outcomes whose verdicts say which programs are valid.
        base: `[E]`, which examples the standard pass answers. This is `outcomes.base`, except
            under permuted answers, where the examples stay split by their true verdicts: an
            example would otherwise enter C->C *because* its text meets the permuted answer, and
            every shorter program with that text would count as lucky.
    """
    wrong = ~base
    edited = outcomes.program != outcomes.identity
    fewer_layers = (outcomes.depth < outcomes.num_layers)[outcomes.program]
    corrected = wrong & outcomes.any_correct(edited)
    shorter = outcomes.any_correct(fewer_layers)
    # The standard pass of C->C is valid, under permuted answers too.
    shortest, unique = _shortest_valid(outcomes, edited, base)
    return tuple(
        ShorterRow(
            level,
            correct_shorter=share(shorter[examples & base]),
            corrected=share(corrected[examples & wrong]),
            corrected_shorter=share(shorter[examples & corrected]),
            correct_depth=mean(shortest[examples & base]),
            corrected_depth=mean(shortest[examples & corrected]),
            correct_unique=mean(unique[examples & base]),
            corrected_unique=mean(unique[examples & corrected]),
        )
        for level, examples in outcomes.scopes()
    )


def _shortest_valid(outcomes: Outcomes, among: Bools, base: Bools) -> tuple[Ints, Ints]:
    """`[E]` twice, depth and distinct layers of the shortest valid program.

    Valid are the correct ones `among` the marked outcomes (`[N]`) and, for the examples of `base`
    (`[E]`), the identity. Where none is, both mean nothing.
    """
    layers = outcomes.num_layers
    # Ordered by depth, then by distinct layers, of which there are D at most.
    size = outcomes.depth * (layers + 1) + outcomes.unique_depth
    identity = layers * (layers + 1) + layers
    smallest = np.where(base, identity, np.iinfo(np.int64).max)
    rows = among & outcomes.correct
    np.minimum.at(smallest, outcomes.example[rows], size[outcomes.program[rows]])
    return smallest // (layers + 1), smallest % (layers + 1)
