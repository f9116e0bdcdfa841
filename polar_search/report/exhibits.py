"""What a report shows: each exhibit is a table, mostly with a figure, and how to read it.

`EXHIBITS` is the list, in the order of the page. One more statistic is one more entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from polar_search.analysis import Statistics
from polar_search.errors import UnknownNameError
from polar_search.report.blocks import blocks_figure, blocks_sheet
from polar_search.report.contents import (
    accuracy_figure,
    accuracy_sheet,
    along,
    attempts_sheet,
    budget_sheet,
    correct_figure,
    correct_sheet,
    corrected_figure,
    corrected_sheet,
    curve_figure,
    curve_sheet,
    depth_figure,
    depth_sheet,
    needs_figure,
    needs_sheet,
    within_sheet,
)
from polar_search.report.shapes import (
    positions_figure,
    positions_sheet,
    robustness_figure,
    robustness_sheet,
    segments_figure,
    segments_sheet,
)
from polar_search.report.shared import (
    coverage_figure,
    coverage_sheet,
    menu_figure,
    menu_sheet,
    program_sheet,
)
from polar_search.report.sheets import Sheet

BESIDE = {"agreement": "--against RUN", "paper": "--compare paper"}
"""Exhibits that are there on demand, and the option that asks for them."""


@dataclass(frozen=True)
class Exhibit:
    """A table and a figure that answer one question.

    Attributes:
        name: Names its files, and `--only` names it.
        title: What it answers.
        caption: How to read it: population, what the words mean, what luck is.
        sheet: Its table.
        draw: Its figure; None where the table says it all.
    """

    name: str
    title: str
    caption: str
    sheet: Callable[[Statistics], Sheet]
    draw: Callable[[Statistics], Figure] | None = None


def chosen(only: Sequence[str], beside: Sequence[Exhibit] = ()) -> tuple[Exhibit, ...]:
    """The exhibits named, in the order of the page; all where none is named.

    Args:
        only: Names.
        beside: Exhibits that were asked for by an option, which follow the others.

    Raises:
        UnknownNameError: There is no such exhibit.
    """
    exhibits = (*EXHIBITS, *beside)
    check_names(only)
    return tuple(exhibit for exhibit in exhibits if not only or exhibit.name in only)


def check_names(only: Sequence[str]) -> None:
    """Check the names of exhibits.

    Raises:
        UnknownNameError: There is no such exhibit.
    """
    known = [*(exhibit.name for exhibit in EXHIBITS), *BESIDE]
    for name in only:
        if name not in known:
            raise UnknownNameError("an exhibit", name, known)


EXHIBITS = (
    Exhibit(
        "accuracy",
        "How many examples does some program answer?",
        "Share of the examples answered, in percent, with 95% Wilson intervals. Base is the "
        "standard pass. Skip, Loop and Both are oracles: the answer key picks a program among "
        "those searched, skipping only, repeating only, or any. Luck, the dash, is what the same "
        "programs and texts score when the answers are permuted within the level; only what lies "
        "above it is worth anything. Gain is Both minus Base (paired bootstrap).",
        accuracy_sheet,
        accuracy_figure,
    ),
    Exhibit(
        "correct",
        "Can right answers be had with fewer layers?",
        "Of the examples that the standard pass answers (C->C), those that a valid program answers "
        "with fewer executed layers, in percent, 95% Wilson intervals. An oracle: the answer key "
        "says which program is valid. Depth is the mean over the shortest valid programs (95% "
        "interval of Student's t), beside what luck would leave it at.",
        correct_sheet,
        correct_figure,
    ),
    Exhibit(
        "corrected",
        "Can wrong answers be corrected?",
        "Of the examples that the standard pass gets wrong, those that some program corrects; and "
        "of these (W->C), those corrected with fewer executed layers than the standard pass. Both "
        "are oracles, in percent, with 95% Wilson intervals. Luck is that of the truly wrong.",
        corrected_sheet,
        corrected_figure,
    ),
    Exhibit(
        "depth",
        "How deep is the shortest valid program?",
        "Executed layers of the shortest valid program, and distinct ones among them, averaged "
        "over the examples of a level that the standard pass answers (C->C) or that only a program "
        "answers (W->C), with 95% intervals of Student's t. Below the line is less work than the "
        "standard pass. An oracle: the answer key says which is valid. Luck is the mean where "
        "programs are valid by luck alone: the standard pass of C->C remains valid.",
        depth_sheet,
        depth_figure,
    ),
    Exhibit(
        "budgets",
        "What is solved within a budget of depth?",
        "Share of the examples with a valid program of at most so many executed layers, in percent "
        "(an oracle; bands are 95% Wilson intervals). The budget is in percent of D, rounded down "
        "to layers. Luck, dashed, is that of all levels, the answers permuted within each.",
        lambda statistics: within_sheet(statistics.depth_budgets, "budget, % of D"),
        lambda statistics: along(
            statistics.depth_budgets, "allowed", "solved", "executed layers, % of D", "solved, %"
        ),
    ),
    Exhibit(
        "extra",
        "What do more layers than the model has buy?",
        "Share of the examples with a valid program of at most D layers and so many more, in "
        "percent (an oracle; bands are 95% Wilson intervals). It can only rise; luck, "
        "dashed for all levels, rises with it.",
        lambda statistics: within_sheet(statistics.extra_layers, "extra layers"),
        lambda statistics: along(
            statistics.extra_layers, "allowed", "solved", "layers beyond D allowed", "solved, %"
        ),
    ),
    Exhibit(
        "needs",
        "What can solvable examples not do without?",
        "Of the examples with a valid program among those searched, those all of whose valid "
        "programs repeat layers, and those all of whose valid programs skip layers, in percent, "
        "95% Wilson intervals. An oracle; a longer search can only lower both. Luck is what the "
        "examples that are solved by luck seem to need.",
        needs_sheet,
        needs_figure,
    ),
    Exhibit(
        "attempts",
        "How often are the programs tried right, by depth?",
        "Of all outcomes of a depth, those that are correct, in percent, without the standard "
        "pass. No oracle: this is what a program picked blindly from the search would score; luck, "
        "dashed, what its text scores against the answer of another example. "
        "Bands are 95% intervals, clustered by example; a point is for the ten percent from it.",
        attempts_sheet,
        lambda statistics: along(
            statistics.attempts, "percent", "accuracy", "executed layers, % of D", "right, %"
        ),
    ),
    Exhibit(
        "segments",
        "What do the edits of valid programs look like?",
        "Edits, skipped or repeated runs of layers, of all valid programs of the search: their "
        "layers (5 is five or more) and executions beyond the first (0 is a skip, 2 two or more), "
        "in percent, 95% intervals clustered by example. An agent finds what it looks for; luck is "
        "the edits of programs that are valid by luck alone.",
        segments_sheet,
        segments_figure,
    ),
    Exhibit(
        "positions",
        "Where are valid programs edited?",
        "The third of the model that the first and the second edit of a program lie in, in percent "
        "of the programs with such an edit, 95% intervals clustered by example. Where the valid "
        "ones differ from all that were tried, and from those valid by luck, it is the model that "
        "prefers a place.",
        positions_sheet,
        positions_figure,
    ),
    Exhibit(
        "robustness",
        "Do corrections survive another edit?",
        "Of the executed neighbours of programs that correct the standard pass, one edit less or "
        "one more, those that are correct as well, in percent, 95% intervals clustered by example. "
        "Luck is the same of programs that correct by luck: neighbours often say the same.",
        robustness_sheet,
        robustness_figure,
    ),
    Exhibit(
        "blocks",
        "Which layers can be left out, which may run again?",
        "One contiguous block of layers skipped, or executed twice, the rest as it is: accuracy "
        "minus that of the standard pass on the same examples, in points (paired bootstrap). A "
        "cell is the block from its first to its last layer; blue is better, orange worse. No "
        "oracle, so luck gains nothing; but the largest of many cells flatters itself. Empty cells "
        "were not tried: the agent `sweep` tries all.",
        blocks_sheet,
        blocks_figure,
    ),
    Exhibit(
        "menus",
        "What is reachable with few programs, the same for all?",
        "Programs chosen on one half of the examples and scored on the other, both ways, in "
        "percent, 95% Wilson intervals. The static program needs no answer key, so its accuracy "
        "could be deployed; a menu needs an oracle to choose from it. vs Base is the difference on "
        "the same examples (paired bootstrap).",
        menu_sheet,
        menu_figure,
    ),
    Exhibit(
        "programs",
        "Which programs were chosen?",
        "The first is the static program, the first two the menu of two, and so on, until no "
        "program covers an example more. Each fold is scored with the programs chosen on the "
        "other. K4 keeps four layers, S2 skips two, R4 runs four twice, R2x3 two three times.",
        program_sheet,
    ),
    Exhibit(
        "coverage",
        "How many shared programs cover how much?",
        "Menus of k programs for all levels, chosen greedily on one half of the examples among all "
        "that the search found valid, and scored on the other half, both ways: examples that one "
        "of the k answers, in percent, 95% Wilson intervals, and the same of the examples that the "
        "search itself solved. Oracles; luck, dashed for all levels, is that of the same menus. "
        "What was not executed counts as wrong: `polar-search menu RUN --execute` executes it.",
        coverage_sheet,
        coverage_figure,
    ),
    Exhibit(
        "curve",
        "How does the oracle grow with the search?",
        "Share of the examples that the standard pass or one of so many of the tried programs "
        "solves, in percent: the mean over all choices of that many, up to the number that every "
        "example got. An oracle; bands are 95% Wilson intervals, here on the wide side; luck, "
        "dashed, is that of all levels. Compare runs at one number of programs only.",
        curve_sheet,
        curve_figure,
    ),
    Exhibit(
        "budget",
        "How much was searched?",
        "An oracle grows with the programs tried, so that runs are compared at the same budget "
        "only. Outcomes are evaluations of a program on an example; valid ones are correct.",
        budget_sheet,
    ),
)
"""In the order of the page."""
