"""Two runs, and a run and the paper, side by side, as tables for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from polar_search.analysis.agreement import AgreementRow
from polar_search.analysis.cells import columns, inline, new_table, percent
from polar_search.analysis.compare import DIFFERENCES, Comparison

NAMES = {
    **{"base": "Base", "skip": "oracle Skip", "loop": "oracle Loop", "both": "oracle Both"},
    **{"correct_shorter": "C->C shorter", "corrected_shorter": "W->C shorter"},
}


def agreement_table(rows: Sequence[AgreementRow], against: str) -> Group:
    """The agreement of two runs."""
    table = new_table("level", "examples", "outcomes", "verdict\nflipped", "right,\nthen wrong")
    columns(table, "wrong,\nthen right", "other\ntext")
    for row in rows:
        shares = (row.flipped, row.lost, row.won, row.other_text)
        table.add_row(
            *(str(row.level), f"{row.examples:,}", f"{row.flipped.n:,}"),
            *(inline(share) for share in shares),
        )
    return _block(
        f"Agreement with {against} (%)",
        table,
        "over the examples and programs that both runs hold; intervals clustered by example. "
        "right, then wrong: of those right here; wrong, then right: of those wrong here.",
    )


def comparison_table(comparison: Comparison) -> Group:
    """A run beside the paper and its replication."""
    table = new_table("level", "choice", "n", "ours", "paper", "replication")
    for row in comparison.rows:
        table.add_row(
            *(row.level, NAMES[row.name]),
            *(str(row.ours.n), inline(row.ours)),
            *(percent(row.paper), percent(row.replication)),
        )
    caption = "\n".join([*named_sources(comparison), *DIFFERENCES])
    return _block("Beside the paper (%)", table, caption)


def named_sources(comparison: Comparison) -> list[str]:
    """Which model of the paper and of its replication stands beside ours, and from where."""
    return [
        f"{source}: {model or f'no numbers for {comparison.model}'} ({comparison.sources[source]})"
        for source, model in (
            ("paper", comparison.paper_model),
            ("replication", comparison.replication_model),
        )
    ]


def _block(title: str, table: Table, caption: str) -> Group:
    return Group(Text(title, style="bold"), table, Text(f"{caption}\n", style="dim"))
