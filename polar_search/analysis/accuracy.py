"""Accuracy of the standard pass, and what an oracle reaches with searched programs (section 2).

Skip and Loop are filters of one joint search: Skip counts an example when the standard pass is
correct or some valid program skips layers and repeats none; Loop when some valid program repeats
layers and skips none; Both when any program is valid. All three need the answer key to pick the
program, so they are oracles and are read beside their luck.
"""

from __future__ import annotations

from dataclasses import dataclass

from polar_search.analysis.intervals import Estimate, paired_gain, share
from polar_search.analysis.outcomes import Level, Outcomes


@dataclass(frozen=True)
class AccuracyRow:
    """Accuracy at one level (Table 1 of the paper).

    Attributes:
        level: the level, or "all".
        base: the standard pass (the identity).
        skip: oracle over the identity and the skip-only programs.
        loop: oracle over the identity and the loop-only programs.
        both: oracle over all programs.
        gain: `both - base` on the same examples.
    """

    level: Level
    base: Estimate
    skip: Estimate
    loop: Estimate
    both: Estimate
    gain: Estimate


def accuracy(outcomes: Outcomes) -> tuple[AccuracyRow, ...]:
    """Base and oracle accuracies, per level and over all."""
    depth, unique_depth = outcomes.depth, outcomes.unique_depth
    skip_only = (unique_depth == depth) & (depth < outcomes.num_layers)
    loop_only = (unique_depth < depth) & (unique_depth == outcomes.num_layers)

    base = outcomes.base
    skip = base | outcomes.any_correct(skip_only[outcomes.program])
    loop = base | outcomes.any_correct(loop_only[outcomes.program])
    both = outcomes.any_correct(outcomes.program >= 0)
    return tuple(
        AccuracyRow(
            level,
            base=share(base[examples]),
            skip=share(skip[examples]),
            loop=share(loop[examples]),
            both=share(both[examples]),
            gain=paired_gain(both[examples], base[examples]),
        )
        for level, examples in outcomes.scopes()
    )
