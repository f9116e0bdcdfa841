"""How much was searched: an oracle grows with its budget, so no oracle is read without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polar_search.analysis.outcomes import Level, Outcomes


@dataclass(frozen=True)
class BudgetRow:
    """Search budget at one level.

    Attributes:
        level: the level, or "all".
        examples: examples searched.
        outcomes: example x program evaluations.
        valid: outcomes that are correct.
        programs_min: fewest programs evaluated for an example, the identity included.
        programs_median: median over the examples.
        programs_max: most programs evaluated for an example.
    """

    level: Level
    examples: int
    outcomes: int
    valid: int
    programs_min: int
    programs_median: float
    programs_max: int


def search_budget(outcomes: Outcomes) -> tuple[BudgetRow, ...]:
    """Examples, programs and outcomes, per level and over all."""
    size = outcomes.num_examples
    programs = np.bincount(outcomes.example, minlength=size)
    valid = np.bincount(outcomes.example[outcomes.correct], minlength=size)
    return tuple(
        BudgetRow(
            level,
            examples=int(examples.sum()),
            outcomes=int(programs[examples].sum()),
            valid=int(valid[examples].sum()),
            programs_min=int(programs[examples].min()),
            programs_median=float(np.median(programs[examples])),
            programs_max=int(programs[examples].max()),
        )
        for level, examples in outcomes.scopes()
    )
