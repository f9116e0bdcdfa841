"""Terminal tables of depth (Figures 3, 5, 6) and of edits (Figure 7), over all levels.

The rows of each level are in the run's `stats.json`.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from polar_search.analysis.cells import inline, layers, new_table, with_luck
from polar_search.analysis.report import Statistics

Titled = tuple[str, Table, str]
"""A title, its table, and how to read it."""


def depth_tables(statistics: Statistics) -> Iterator[Titled]:
    """Valid programs within a depth, what solving takes, accuracy by depth."""
    table = new_table("layers\nat most", "n", "oracle\nsolved", "luck")
    rows = (*statistics.depth_budgets, *statistics.extra_layers)
    within = {row.layers: row for row in rows if row.level == "all"}
    for allowed, row in sorted(within.items()):
        table.add_row(str(allowed), str(row.solved.n), *with_luck(row.solved))
    yield (
        "Examples with a valid program within a depth (%)",
        table,
        f"the model has {statistics.num_layers} layers; a program is as deep as the layers it "
        "executes (Figures 3 and 5a).",
    )
    table = new_table("programs", "n", "oracle\nsolved", "luck")
    for point in statistics.curve:
        if point.level == "all":
            cells = (str(point.solved.n), *with_luck(point.solved))
            table.add_row(f"{point.programs:,}", *cells)
    yield (
        "The oracle grows with the programs tried (%)",
        table,
        "expected over so many of the programs that were tried on an example, drawn at random; 0 "
        "is the standard pass.",
    )
    table = new_table("choice", "n", "layers", "luck", "distinct", "luck")
    last = statistics.shorter[-1]
    for name, n, depths in (
        ("C->C", last.correct_shorter.n, (last.correct_depth, last.correct_unique)),
        ("W->C", last.corrected_shorter.n, (last.corrected_depth, last.corrected_unique)),
    ):
        table.add_row(name, str(n), *(cell for depth in depths for cell in layers(depth)))
    yield (
        "The shortest valid program (oracle, mean)",
        table,
        f"of {statistics.num_layers} layers; distinct: each layer counted once (Figure 4).",
    )
    table = new_table("n", "oracle: needs\nrecurrence", "luck", "oracle: needs\nskipping", "luck")
    need = statistics.needs[-1]
    both = (need.recurrence, need.skipping)
    table.add_row(str(need.recurrence.n), *(cell for one in both for cell in with_luck(one)))
    yield (
        "What solvable examples need (%)",
        table,
        "examples with a valid program: all of whose valid programs repeat, or skip, layers, among "
        "those searched (Figure 5b).",
    )
    table = new_table("depth\n% of layers", "outcomes", "accuracy", "luck")
    for attempt in statistics.attempts:
        if attempt.level == "all" and attempt.accuracy.n:
            depth = f"{attempt.percent}-{attempt.percent + 10}"
            table.add_row(depth, f"{attempt.accuracy.n:,}", *with_luck(attempt.accuracy))
    yield (
        "Accuracy of the programs tried, by depth (%)",
        table,
        "all programs but the identity; no oracle, but of what the agent chose to try. Intervals "
        "clustered by example (Figure 6).",
    )


def edit_tables(statistics: Statistics) -> Iterator[Titled]:
    """Edits of valid programs, their places, and the neighbours of correcting programs."""
    table = new_table("edit", "n", "of valid programs", "luck")
    for row in statistics.segments:
        if row.level == "all":
            edit = _words(row.kind, row.value)
            table.add_row(edit, f"{row.share.n:,}", *with_luck(row.share))
    yield (
        "Edits of valid programs (%)",
        table,
        "an edit: a run of layers that is skipped or repeated (Figure 7). Clustered by example.",
    )
    table = new_table("edit", "third", "n", "valid", "luck", "tried")
    for place in statistics.positions:
        if place.level == "all":
            edit = ("first", "second")[place.edit - 1]
            cells = (f"{place.valid.n:,}", *with_luck(place.valid), inline(place.tried))
            table.add_row(edit, place.third, *cells)
    yield (
        "Where programs are edited (%)",
        table,
        "thirds of the model, of the first and second edit along the layers. tried: of all "
        "programs searched, which is what the agent preferred.",
    )
    table = new_table("neighbours", "n", "still correct", "luck")
    last = statistics.robustness[-1]
    for name, share in (("one edit less", last.removed), ("one edit more", last.added)):
        table.add_row(name, f"{share.n:,}", *with_luck(share))
    yield (
        "Robustness of correcting programs (%)",
        table,
        "programs that correct the standard pass, and their neighbours that were executed on the "
        "same example. Clustered by example.",
    )


def _words(kind: str, value: int) -> str:
    if kind == "recurrences":
        return ("skipped", "repeated once", "repeated more")[value]
    return "1 layer" if value == 1 else f"{value} layers" if value < 5 else "5 layers or more"
