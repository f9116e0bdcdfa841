"""`polar-search tune-predictor`: hyper-parameters of a predictor, by Ray Tune and Optuna."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from polar_search.cli.options import add_config, config_of, make_parser, read_config
from polar_search.cluster.config import ClusterConfig, PredictorTuneConfig
from polar_search.predictor.config import TrainConfig

DESCRIPTION = (
    "Find hyper-parameters of a predictor by Ray Tune and Optuna: a trial is a training, stopped "
    "early if it does badly on the validation split. The same command goes on with an interrupted "
    "run; --trials may grow. The best ones are written as a file for `train --config`."
)
SHOWN = 5
"""Trainings that are printed at most."""


def main(arguments: Sequence[str]) -> None:
    """Parse, tune, and print the best trainings."""
    parser = make_parser("tune-predictor", DESCRIPTION)
    parser.add_argument("run", type=str, help="the run folder, of a search on the train split")
    add_config(parser, TrainConfig, PredictorTuneConfig, ClusterConfig)
    parser.add_argument("--out", type=str, default="runs/tuned", help="folder for the trials")
    config, parsed = read_config(parser, TrainConfig, arguments)
    cluster, tuning = config_of(parsed, ClusterConfig), config_of(parsed, PredictorTuneConfig)
    if cluster.cluster is None:
        cluster = replace(cluster, cluster="local")
    from polar_search.cluster.predictor_tuning import BEST, tune_predictor

    out = Path(parsed.out)
    found = tune_predictor(parsed.run, config, tuning, cluster, out)
    console = Console()
    console.print(table(found))
    console.print(
        f"{len(found):,} trainings. Train with the best options: polar-search train {parsed.run} "
        f"--config {out / BEST}. They were chosen on validation examples; what they are worth "
        "shows on others.",
        soft_wrap=True,
    )


def table(found: Sequence[Mapping[str, Any]]) -> Table:
    """The best trainings, and what they differ in."""
    names = list(found[0]["options"])
    table = Table("value", "accuracy", "depth", "epochs", *names, box=None, pad_edge=False)
    for one in found[:SHOWN]:
        cells = (f"{one['value']:.3f}", f"{one['accuracy']:.1%}", f"{one['depth']:.2f}")
        options = (_short(one["options"][name]) for name in names)
        table.add_row(*cells, str(one["epochs"]), *options)
    return table


def _short(value: object) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)
