"""`polar-search tune`: static programs, one for all examples, by Ray Tune and Optuna."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from polar_search.cli.options import add_config, config_of, make_parser, read_config
from polar_search.cluster.config import ClusterConfig, TuneConfig
from polar_search.search.config import SearchConfig

DESCRIPTION = (
    "Find static programs, one for all examples, by Ray Tune and Optuna: a trial is a program, "
    "tried on the examples of a split chunk by chunk. The same command goes on with an interrupted "
    "run; --trials may grow. The options of agents are not used."
)
SHOWN = 10
"""Programs of the Pareto front that are printed at most."""


def main(arguments: Sequence[str]) -> None:
    """Parse, tune, and print the Pareto front."""
    parser = make_parser("tune", DESCRIPTION)
    add_config(parser, SearchConfig, TuneConfig, ClusterConfig)
    parser.add_argument("--out", type=str, default="runs/tune", help="the run folder")
    config, parsed = read_config(parser, SearchConfig, arguments)
    cluster, tuning = config_of(parsed, ClusterConfig), config_of(parsed, TuneConfig)
    if cluster.cluster is None:
        cluster = replace(cluster, cluster="local")
    from polar_search.cluster.tuning import FILE, tune_static_programs

    found = tune_static_programs(config, tuning, cluster, Path(parsed.out))
    console = Console()
    console.print(table(found))
    console.print(
        f"{len(found):,} programs were tried on all examples: {Path(parsed.out) / FILE}. They were "
        "chosen on these examples; what they are worth shows on others.",
        soft_wrap=True,
    )


def table(found: Sequence[dict[str, Any]]) -> Table:
    """The Pareto front: what no other program beats in both accuracy and depth."""
    table = Table("program", "depth", "accuracy", "95% interval", "n", box=None, pad_edge=False)
    for one in [one for one in found if one["pareto"]][:SHOWN]:
        accuracy = one["accuracy"]
        interval = f"{accuracy['low']:.1%} to {accuracy['high']:.1%}"
        cells = (str(one["depth"]), f"{accuracy['value']:.1%}", interval, str(accuracy["n"]))
        table.add_row(one["program"], *cells)
    return table
