"""The card of a run as a data set: what it holds, how it was made, how to use it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from polar_search.search.run import open_run
from polar_search.search.store import read_outcomes

COLUMNS = {
    "example_id, level": "the input, and its difficulty (1 is the easiest)",
    "program, path, depth": "the program in notation, its layers in order, and how many those are",
    "text, correct": "the whole answer (null for imported labels), and whether it was right",
    "source": "executed (in a batch), confirmed (again, alone) or imported (a foreign label)",
    "model, task, decoding": "fingerprints of what the outcome depends on",
}


def card_of(run: Path, tables: Mapping[str, pa.Table]) -> str:
    """The README.md of a run as a data set, with the header that the Hub reads.

    Args:
        run: The run folder.
        tables: The tables that are published, by name.
    """
    folder = open_run(run)
    config = folder.read("config.json")["config"] | (folder.fixed() or {})
    environment = (folder.read("environment.json") or [{}])[-1]
    head = {
        "tags": ["polar-search", "dynamic-depth", "layer-programs"],
        "configs": [
            {"config_name": name, "data_files": f"{name}/*.parquet", "default": name == "outcomes"}
            for name in tables
        ],
    }
    lines = [
        "---",
        yaml.safe_dump(head, sort_keys=False).rstrip(),
        "---",
        f"# Programs of layers: {_plain(config['model'])} on {_plain(config['task'])}",
        "",
        "Which layers of a frozen language model, skipped or repeated, answer each input. Made "
        "with polar-search.",
        "",
        *_numbers(read_outcomes(run)),
        "",
        "| columns of `outcomes` | what |",
        "|---|---|",
        *(f"| {names} | {what} |" for names, what in COLUMNS.items()),
        "",
        "That some program of many is right needs the answer key to know: it is an *oracle*, and "
        "grows with the number of programs tried. Compare it with its luck baseline: "
        "`polar-search stats`.",
        "",
        "```",
        "polar-search load THIS_REPOSITORY --out runs/loaded",
        "polar-search stats runs/loaded",
        "```",
        "",
        "## How it was made",
        "| option | value |",
        "|---|---|",
        *(f"| {name} | `{_plain(value)}` |" for name, value in config.items() if _told(value)),
        f"| git revision | `{environment.get('git_revision')}` |",
        f"| packages | `{_plain(environment.get('packages'))}` |",
        "",
    ]
    return "\n".join(lines)


def _numbers(outcomes: pa.Table) -> list[str]:
    """Outcomes by level, in a table."""
    lines = ["| level | examples | outcomes | valid |", "|---|---|---|---|"]
    for level in sorted(pc.unique(outcomes["level"]).to_pylist()):
        rows = outcomes.filter(pc.equal(outcomes["level"], level))
        examples, valid = pc.count_distinct(rows["example_id"]), pc.sum(rows["correct"])
        lines.append(f"| {level} | {examples.as_py():,} | {len(rows):,} | {valid.as_py():,} |")
    return lines


def _told(value: Any) -> bool:  # noqa: ANN401
    return value not in (None, {}, [])


def _plain(value: Any) -> str:  # noqa: ANN401
    """A value on one line of a table; what looks like a path of this machine loses its folders."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_plain(part)}" for name, part in value.items())
    text = str(value)
    if Path(text).is_absolute():
        text = Path(text).name
    return text.replace("|", "/").replace("`", "'").replace("\n", " ")
