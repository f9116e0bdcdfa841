"""Confirmation: valid programs once more, each alone, to see what their company has changed.

In half precision a row's numbers depend a little on the rows it is computed with, and a verdict can
hang on them. Whoever wants to be sure runs every valid row again through the reference. Both
outcomes are stored; the agents were told the first one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from polar_search.program import Program
from polar_search.search.evaluation import Evaluates
from polar_search.search.outcome import Source
from polar_search.search.store import Store
from polar_search.tasks import Example

AT_ONCE = 64
"""Enough of them that storing takes no time, and few enough that little is repeated."""


@dataclass(frozen=True)
class Confirmation:
    """What running valid outcomes again has shown.

    Attributes:
        confirmed: Valid outcomes that were run again.
        other_texts: Those whose text was another one.
        overturned: Those that were not valid any more.
        overturned_share: Of all that were run again; None where there were none.
        overturned_interval: Its 95% Wilson interval, outcomes taken as independent.
    """

    confirmed: int
    other_texts: int
    overturned: int
    overturned_share: float | None
    overturned_interval: tuple[float, float] | None


def confirm(
    evaluator: Evaluates,
    store: Store,
    examples: Sequence[Example],
    num_layers: int,
    at_once: int = AT_ONCE,
) -> Confirmation:
    """Run what is valid in the store again, as far as that was not done before.

    Args:
        evaluator: Executes and grades.
        store: Holds the outcomes; receives the confirmed ones.
        examples: Whose outcomes are confirmed.
        num_layers: Of the model.
        at_once: Outcomes that are confirmed before they are handed to the store.
    """
    by_id = {example.id: example for example in examples}
    valid = {k: row for k, row in _rows(store, "executed", by_id).items() if row["correct"]}
    known = _rows(store, "confirmed", by_id)
    jobs = [
        (by_id[row["example_id"]], Program.from_path(row["path"], num_layers))
        for key, row in valid.items()
        if key not in known
    ]
    try:
        for first in range(0, len(jobs), at_once):
            store.append(evaluator.confirm(jobs[first : first + at_once]), [])
    finally:
        store.flush()
    again = _rows(store, "confirmed", by_id)
    overturned = sum(not again[key]["correct"] for key in valid)
    return Confirmation(
        confirmed=len(valid),
        other_texts=sum(again[key]["text"] != row["text"] for key, row in valid.items()),
        overturned=overturned,
        overturned_share=overturned / len(valid) if valid else None,
        overturned_interval=wilson(overturned, len(valid)) if valid else None,
    )


def wilson(count: int, n: int) -> tuple[float, float]:
    """The 95% Wilson interval of a share."""
    from scipy.stats import binomtest  # takes a second, and most searches confirm nothing

    interval = binomtest(count, n).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def _rows(
    store: Store, source: Source, examples: dict[str, Example]
) -> dict[tuple[str, str], dict[str, Any]]:
    """Stored outcomes of a source, by example and program."""
    table = store.outcomes(source)
    table = table.filter(pc.is_in(table["example_id"], value_set=pa.array(examples, pa.string())))
    return {(row["example_id"], row["program"]): row for row in table.to_pylist()}
