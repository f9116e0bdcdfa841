"""What depth buys: valid programs within so many layers, what correcting takes, accuracy by depth.

The first and second are oracles and grow with the programs searched; the third needs no oracle: it
is how often the programs that were tried are right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polar_search.analysis.intervals import Estimate, clustered_share, share
from polar_search.analysis.outcomes import Bools, Level, Outcomes

DEPTH_BUDGETS = (90, 95, 100, 105, 110, 115)
"""Executed layers at most, in percent of D (Figure 3 of the paper)."""
EXTRA_LAYERS = tuple(range(9))
"""Executed layers beyond D at most (Figure 5a)."""
BUCKETS = tuple(range(50, 140, 10))
"""Lower ends of the buckets of depth, in percent of D, ten wide (Figure 6)."""


@dataclass(frozen=True)
class WithinRow:
    """Examples with a valid program within a depth, at one level.

    Attributes:
        level: the level, or "all".
        allowed: what is allowed, as the figure states it: percent of D, or layers beyond D.
        layers: executed layers at most.
        solved: share of the examples with a valid program of at most so many layers; an oracle.
    """

    level: Level
    allowed: int
    layers: int
    solved: Estimate


@dataclass(frozen=True)
class NeedRow:
    """What solvable examples cannot do without, at one level (Figure 5b).

    Attributes:
        level: the level, or "all".
        recurrence: share of the solvable examples all of whose valid programs repeat layers.
        skipping: share of the solvable examples all of whose valid programs skip layers.
    """

    level: Level
    recurrence: Estimate
    skipping: Estimate


@dataclass(frozen=True)
class AttemptRow:
    """How often the programs tried are right, by depth, at one level (Figure 6).

    Attributes:
        level: the level, or "all".
        percent: the depth, in percent of D: from here to ten more, not included.
        accuracy: share of the outcomes that are correct; its interval is clustered by example.
    """

    level: Level
    percent: int
    accuracy: Estimate


def solved_under_budgets(outcomes: Outcomes) -> tuple[WithinRow, ...]:
    """Figure 3: a valid program within `DEPTH_BUDGETS` percent of D, rounded down to layers."""
    return _solved_within(outcomes, {b: b * outcomes.num_layers // 100 for b in DEPTH_BUDGETS})


def solved_with_extra(outcomes: Outcomes) -> tuple[WithinRow, ...]:
    """Figure 5a: a valid program within D and `EXTRA_LAYERS` more layers."""
    return _solved_within(outcomes, {e: outcomes.num_layers + e for e in EXTRA_LAYERS})


def _solved_within(outcomes: Outcomes, limits: dict[int, int]) -> tuple[WithinRow, ...]:
    depth = outcomes.depth[outcomes.program]
    solved = {limit: outcomes.any_correct(depth <= limit) for limit in set(limits.values())}
    return tuple(
        WithinRow(level, allowed, limit, share(solved[limit][examples]))
        for level, examples in outcomes.scopes()
        for allowed, limit in limits.items()
    )


def needs(outcomes: Outcomes) -> tuple[NeedRow, ...]:
    """Figure 5b, among the programs searched."""
    repeats = (outcomes.unique_depth < outcomes.depth)[outcomes.program]
    skips = (outcomes.unique_depth < outcomes.num_layers)[outcomes.program]
    solvable = outcomes.any_correct(outcomes.program >= 0)
    without_repeats, without_skips = outcomes.any_correct(~repeats), outcomes.any_correct(~skips)
    return tuple(
        NeedRow(
            level,
            recurrence=share(~without_repeats[examples & solvable]),
            skipping=share(~without_skips[examples & solvable]),
        )
        for level, examples in outcomes.scopes()
    )


def attempts(outcomes: Outcomes) -> tuple[AttemptRow, ...]:
    """Figure 6: all programs but the identity, which every example has."""
    percent = 100 * outcomes.depth[outcomes.program] / outcomes.num_layers
    edited = outcomes.program != outcomes.identity
    buckets = {low: edited & (low <= percent) & (percent < low + 10) for low in BUCKETS}
    return tuple(
        AttemptRow(level, low, _clustered(outcomes, examples, bucket))
        for level, examples in outcomes.scopes()
        for low, bucket in buckets.items()
    )


def _clustered(outcomes: Outcomes, examples: Bools, among: Bools) -> Estimate:
    """The share of correct outcomes `among` the marked ones (`[N]`) of `examples` (`[E]`)."""
    size = outcomes.num_examples
    tried = np.bincount(outcomes.example[among], minlength=size)[examples]
    correct = np.bincount(outcomes.example[among & outcomes.correct], minlength=size)[examples]
    return clustered_share(correct[tried > 0], tried[tried > 0])
