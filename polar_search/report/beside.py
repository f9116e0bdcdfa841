"""Exhibits that set a run beside something else: another run, or the published numbers."""

from __future__ import annotations

from collections.abc import Sequence

from polar_search.analysis.agreement import AgreementRow, agreement
from polar_search.analysis.compare import DIFFERENCES, Comparison, compare_with_paper
from polar_search.analysis.comparisons import NAMES, named_sources
from polar_search.analysis.report import Statistics
from polar_search.analysis.runs import model_of, outcomes_of
from polar_search.report.columns import LEVEL, levels, of
from polar_search.report.exhibits import Exhibit
from polar_search.report.plots import Series, dots
from polar_search.report.sheets import Column, Sheet
from polar_search.search.places import Location

PARTS = {
    "flipped": ("verdict flipped", "both", "o"),
    "lost": ("right, then wrong", "loop", "v"),
    "won": ("wrong, then right", "skip", "^"),
    "other_text": ("other text", "base", "s"),
}
"""Of an agreement: by attribute, label and looks."""


def agreement_exhibit(run: Location, against: Location) -> Exhibit:
    """How far two runs agree.

    Raises:
        RunError: One of them is no run, or they have nothing in common.
    """
    rows = agreement(outcomes_of(run), outcomes_of(against))
    return Exhibit(
        "agreement",
        "How far do two runs agree?",
        f"Over the examples and programs that this run and '{against}' both hold, in percent, 95% "
        "intervals clustered by example: outcomes whose verdict flipped; of those right here, the "
        "ones wrong there; of those wrong here, the ones right there; outcomes whose text differs. "
        "This is the noise under every figure of either run. No oracle, and nothing for luck to "
        "reach.",
        lambda _: _agreement_sheet(rows),
        lambda _: dots(
            levels(rows),
            [Series(*look, [getattr(r, name) for r in rows]) for name, look in PARTS.items()],
            "common outcomes, %",
        ),
    )


def _agreement_sheet(rows: Sequence[AgreementRow]) -> Sheet:
    columns = (
        LEVEL,
        Column("examples", of("examples")),
        Column("outcomes", lambda row: row.flipped.n),
        *(Column(label, of(name)) for name, (label, *_) in PARTS.items()),
    )
    return Sheet(columns, rows)


def paper_exhibit(run: Location, statistics: Statistics) -> Exhibit:
    """The run beside what is published for the model of the same name.

    Raises:
        RunError: The folder holds no run.
    """
    comparison = compare_with_paper(statistics, model_of(run))
    return Exhibit(
        "paper",
        "What do the paper and its replication report?",
        f"In percent, ours with 95% intervals and luck. {'. '.join(named_sources(comparison))}. "
        f"{' '.join(DIFFERENCES)}",
        lambda _: _paper_sheet(comparison),
    )


def _paper_sheet(comparison: Comparison) -> Sheet:
    columns = (
        LEVEL,
        Column("number", lambda row: NAMES[row.name]),
        Column("n", lambda row: row.ours.n),
        Column("ours", of("ours")),
        Column("luck", lambda row: _percent(row.ours.luck)),
        Column("paper", lambda row: _percent(row.paper)),
        Column("replication", lambda row: _percent(row.replication)),
    )
    return Sheet(columns, comparison.rows)


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100 * fraction
