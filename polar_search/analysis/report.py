"""All statistics of a run at once: computed, given their luck, and ready for JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from polar_search.analysis.accuracy import AccuracyRow, accuracy
from polar_search.analysis.blocks import BlockRow, blocks
from polar_search.analysis.budget import BudgetRow, search_budget
from polar_search.analysis.curve import CurveRow, budget_curve
from polar_search.analysis.depth import (
    AttemptRow,
    NeedRow,
    WithinRow,
    attempts,
    needs,
    solved_under_budgets,
    solved_with_extra,
)
from polar_search.analysis.luck import (
    Grade,
    derange,
    levels_with_luck,
    permuted_correct,
    with_luck,
)
from polar_search.analysis.menus import MenuRow, best_menus
from polar_search.analysis.outcomes import Outcomes
from polar_search.analysis.segments import (
    PositionRow,
    RobustnessRow,
    SegmentRow,
    edits_of,
    positions,
    robustness,
    segments,
)
from polar_search.analysis.shorter import ShorterRow, shorter_programs
from polar_search.errors import ConfigError


@dataclass(frozen=True)
class Statistics:
    """The valid-program statistics of one run, each per level and over all levels.

    Attributes:
        num_layers: D of the model.
        derangements: permutations of the answers that the luck baselines average over.
        budget: what was searched.
        accuracy: Base and the oracles.
        shorter: shorter and correcting programs.
        menus: the best static program and the best menus.
        depth_budgets: examples solved within depth budgets (Figure 3).
        extra_layers: examples solved with so many layers more than D (Figure 5a).
        needs: what solvable examples cannot do without (Figure 5b).
        attempts: accuracy of the programs tried, by depth (Figure 6).
        segments: length and recurrences of the edits of valid programs (Figure 7).
        positions: where programs are edited.
        blocks: what skipping or repeating each block of layers does.
        curve: solved examples against programs tried.
        robustness: what one edit more or less does to correcting programs.
    """

    num_layers: int
    derangements: int
    budget: tuple[BudgetRow, ...]
    accuracy: tuple[AccuracyRow, ...]
    shorter: tuple[ShorterRow, ...]
    menus: tuple[MenuRow, ...]
    depth_budgets: tuple[WithinRow, ...]
    extra_layers: tuple[WithinRow, ...]
    needs: tuple[NeedRow, ...]
    attempts: tuple[AttemptRow, ...]
    segments: tuple[SegmentRow, ...]
    positions: tuple[PositionRow, ...]
    robustness: tuple[RobustnessRow, ...]
    blocks: tuple[BlockRow, ...]
    curve: tuple[CurveRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """The statistics as plain lists, dicts and numbers; fractions, not percentages."""
        return asdict(self)


def summarize(
    outcomes: Outcomes, grade: Grade, *, derangements: int = 5, seed: int = 0
) -> Statistics:
    """Computes every statistic and its luck baseline.

    Args:
        outcomes: the run's outcomes.
        grade: `grade(example_id, text)`, whether the text answers that example.
        derangements: permutations of the answers that luck is averaged over.
        seed: decides the permutations.

    Raises:
        ConfigError: fewer than one derangement.
    """
    if derangements < 1:
        raise ConfigError(f"expected at least 1 derangement, received {derangements}; use 5")
    base, edits = outcomes.base, edits_of(outcomes)
    levels = levels_with_luck(outcomes)
    rng = np.random.default_rng(seed)
    lucky = [
        outcomes.with_verdicts(permuted_correct(outcomes, grade, derange(outcomes.level, rng)))
        for _ in range(derangements if levels else 0)
    ]
    return Statistics(
        num_layers=outcomes.num_layers,
        derangements=derangements,
        budget=search_budget(outcomes),
        accuracy=with_luck(accuracy(outcomes), [accuracy(draw) for draw in lucky], levels),
        shorter=with_luck(
            shorter_programs(outcomes, base),
            [shorter_programs(draw, base) for draw in lucky],
            levels,
        ),
        menus=with_luck(best_menus(outcomes), [best_menus(draw) for draw in lucky], levels),
        depth_budgets=with_luck(
            solved_under_budgets(outcomes), [solved_under_budgets(draw) for draw in lucky], levels
        ),
        extra_layers=with_luck(
            solved_with_extra(outcomes), [solved_with_extra(draw) for draw in lucky], levels
        ),
        needs=needs(outcomes),
        attempts=attempts(outcomes),
        segments=segments(outcomes, edits),
        positions=positions(outcomes, edits),
        robustness=robustness(outcomes, edits),
        blocks=blocks(outcomes, edits),
        curve=with_luck(budget_curve(outcomes), [budget_curve(draw) for draw in lucky], levels),
    )
