"""Statistics of a run's outcomes: what programs are worth, with intervals and luck baselines."""

from polar_search.analysis.accuracy import AccuracyRow, accuracy
from polar_search.analysis.budget import BudgetRow, search_budget
from polar_search.analysis.depth import AttemptRow, NeedRow, WithinRow
from polar_search.analysis.intervals import Estimate, Mean, paired_gain, share
from polar_search.analysis.luck import Grade, derange, permuted_correct
from polar_search.analysis.menus import MenuRow, best_menus
from polar_search.analysis.outcomes import Level, Outcomes
from polar_search.analysis.report import Statistics, summarize
from polar_search.analysis.shorter import ShorterRow, shorter_programs
from polar_search.analysis.tables import render

__all__ = [
    "AccuracyRow",
    "AttemptRow",
    "BudgetRow",
    "Estimate",
    "Grade",
    "Level",
    "Mean",
    "MenuRow",
    "NeedRow",
    "Outcomes",
    "ShorterRow",
    "Statistics",
    "WithinRow",
    "accuracy",
    "best_menus",
    "derange",
    "paired_gain",
    "permuted_correct",
    "render",
    "search_budget",
    "share",
    "shorter_programs",
    "summarize",
]
