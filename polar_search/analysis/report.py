"""All statistics of a run at once: computed, given their luck, and ready for JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from polar_search.analysis.accuracy import AccuracyRow, accuracy
from polar_search.analysis.blocks import BlockRow, blocks
from polar_search.analysis.budget import BudgetRow, search_budget
from polar_search.analysis.coverage import CoverageRow, Menus, choose_menus, coverage
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
    Row,
    derange,
    levels_with_luck,
    permuted_correct,
    with_luck,
)
from polar_search.analysis.menus import MenuRow, best_menus
from polar_search.analysis.outcomes import Ints, Outcomes
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
        shared: menus of up to 100 programs for all levels.
        coverage: what the first k programs of these menus cover.
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
    shared: Menus
    coverage: tuple[CoverageRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """The statistics as plain lists, dicts and numbers; fractions, not percentages."""
        return asdict(self)


def summarize(
    outcomes: Outcomes,
    grade: Grade,
    *,
    cells: Outcomes | None = None,
    derangements: int = 5,
    seed: int = 0,
) -> Statistics:
    """Computes every statistic and its luck baseline.

    Args:
        outcomes: the run's outcomes.
        grade: `grade(pairs)`, for each example id and text whether the text answers that example.
        cells: the outcomes and those executed for the menus of `coverage`, of the same examples;
            by default the outcomes alone.
        derangements: permutations of the answers that luck is averaged over.
        seed: decides the permutations.

    Raises:
        ConfigError: fewer than one derangement.
    """
    if derangements < 1:
        raise ConfigError(f"expected at least 1 derangement, received {derangements}; use 5")
    cells = outcomes if cells is None else cells
    base, edits, shared = outcomes.base, edits_of(outcomes), choose_menus(outcomes)
    solvable = outcomes.any_correct(outcomes.program >= 0)
    levels, cell_levels = levels_with_luck(outcomes), levels_with_luck(cells)
    rng = np.random.default_rng(seed)
    others = [derange(outcomes.level, rng) for _ in range(derangements if levels else 0)]
    lucky = _permuted(outcomes, grade, others)
    lucky_cells = lucky if cells is outcomes else _permuted(cells, grade, others)

    def lucked(table: Callable[[Outcomes], tuple[Row, ...]]) -> tuple[Row, ...]:
        return with_luck(table(outcomes), [table(draw) for draw in lucky], levels)

    return Statistics(
        num_layers=outcomes.num_layers,
        derangements=derangements,
        budget=search_budget(outcomes),
        accuracy=lucked(accuracy),
        shorter=lucked(lambda verdicts: shorter_programs(verdicts, base)),
        menus=lucked(best_menus),
        depth_budgets=lucked(solved_under_budgets),
        extra_layers=lucked(solved_with_extra),
        needs=lucked(needs),
        attempts=lucked(attempts),
        segments=lucked(lambda verdicts: segments(verdicts, edits)),
        positions=lucked(lambda verdicts: positions(verdicts, edits)),
        robustness=lucked(lambda verdicts: robustness(verdicts, edits, base)),
        blocks=blocks(outcomes, edits),
        curve=lucked(budget_curve),
        shared=shared,
        coverage=with_luck(
            coverage(cells, shared, solvable),
            [coverage(draw, shared, solvable) for draw in lucky_cells],
            cell_levels,
        ),
    )


def _permuted(outcomes: Outcomes, grade: Grade, others: Sequence[Ints]) -> list[Outcomes]:
    """The outcomes under the verdicts of each derangement."""
    verdicts = (permuted_correct(outcomes, grade, other) for other in others)
    return [outcomes.with_verdicts(correct) for correct in verdicts]
