"""How an oracle grows with its budget: solved examples against programs tried.

Of the programs that were tried on an example, k are drawn without replacement; the share of draws
that hold a valid one is the unbiased estimate of what a search of k such programs solves (Chen et
al., "Evaluating Large Language Models Trained on Code", 2021, section 2.1). It says nothing of the
order in which an adaptive agent finds them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from polar_search.analysis.intervals import Estimate, mean_share
from polar_search.analysis.outcomes import Floats, Ints, Level, Outcomes

BUDGETS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class CurveRow:
    """An oracle of a smaller budget, at one level.

    Attributes:
        level: the level, or "all".
        programs: programs tried for each example, the identity not counted; 0 is the standard pass.
        solved: expected share of the examples that the identity or one of them solves.
    """

    level: Level
    programs: int
    solved: Estimate


def budget_curve(outcomes: Outcomes) -> tuple[CurveRow, ...]:
    """The curve up to the budget that every example got, per level and over all."""
    edited, size = outcomes.program != outcomes.identity, outcomes.num_examples
    tried = np.bincount(outcomes.example[edited], minlength=size)
    valid = np.bincount(outcomes.example[edited & outcomes.correct], minlength=size)
    budgets = [k for k in BUDGETS if k <= tried.min()]
    if tried.min() not in budgets:
        budgets.append(int(tried.min()))
    base = outcomes.base
    solved = {k: np.where(base, 1.0, 1.0 - _none_valid(tried, valid, k)) for k in budgets}
    return tuple(
        CurveRow(level, k, mean_share(solved[k][examples]))
        for level, examples in outcomes.scopes()
        for k in budgets
    )


def _none_valid(tried: Ints, valid: Ints, k: int) -> Floats:
    """For each example: how often k of its programs hold none that is valid."""
    wrong = tried - valid
    enough = wrong >= k
    left = np.where(enough, wrong, k)
    logs = gammaln(left + 1) - gammaln(left - k + 1) - gammaln(tried + 1) + gammaln(tried - k + 1)
    none: Floats = np.where(enough, np.exp(logs), 0.0)
    return none
