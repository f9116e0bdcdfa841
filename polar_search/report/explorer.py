"""The explorer of a run: one page to browse examples, programs and the order of the search."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from polar_search.analysis import Outcomes
from polar_search.analysis.outcomes import SOURCES
from polar_search.report.agents import agent_names
from polar_search.report.bundle import KINDS, bundle, steps_of
from polar_search.report.page import template
from polar_search.search.places import Location, write_file
from polar_search.search.run import open_run
from polar_search.search.store import read_outcomes, read_trace
from polar_search.tasks import SPLITS, Example, load_task


def write_explorer(run: Location, out: Path | str) -> None:
    """Write the explorer of what is stored of a run so far into the file `out`.

    Raises:
        RunError: The folder holds no run or no outcomes, or `out` cannot be written.
    """
    folder = open_run(run)
    config = folder.fixed() or {}
    table = read_outcomes(run)
    outcomes = Outcomes.from_table(table, config["num_layers"])
    steps = steps_of(read_trace(run), _notations(table))
    agents = sorted({agent for asked in steps.values() for agent in asked})
    data = bundle(outcomes, _examples(config), steps, agents)
    head = {
        "name": folder.place.name,
        **{name: config[name] for name in ("model", "task", "split")},
        "layers": outcomes.num_layers,
        "outcomes": len(outcomes.example),
        "levels": sorted(set(outcomes.level.tolist())),
        "kinds": KINDS,
        "agents": agent_names(folder, agents),
        "sources": SOURCES,
    }
    page = template("explorer.html").render(head=head, data=data)
    write_file(out, page.encode())


def _notations(table: pa.Table) -> dict[tuple[int, ...], str]:
    """The notation of every path among the outcomes."""
    programs = table["program"].to_pylist()
    return dict(zip(map(tuple, table["path"].to_pylist()), programs, strict=True))


def _examples(config: Mapping[str, Any]) -> dict[str, Example]:
    task = load_task(config["task"], config.get("task_options"))
    return {example.id: example for split in SPLITS for example in task.examples(split)}
