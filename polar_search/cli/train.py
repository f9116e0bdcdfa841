"""`polar-search train`: a predictor from the labels of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from polar_search.cli.options import add_config, make_parser, read_config
from polar_search.predictor.config import TrainConfig

if TYPE_CHECKING:
    from polar_search.predictor.labels import LabelSet
    from polar_search.predictor.trainer import Epoch

DESCRIPTION = (
    "Train a predictor on the valid programs of a run: supervised, then (with --reinforce-epochs) "
    "by executing what it proposes. The same command goes on with an interrupted training."
)


def main(arguments: Sequence[str]) -> None:
    """Parse, train, and say where the predictor is."""
    parser = make_parser("train", DESCRIPTION)
    parser.add_argument("run", type=str, help="the run folder, of a search on the train split")
    add_config(parser, TrainConfig)
    parser.add_argument("--out", type=str, default="runs/predictor", help="the predictor's folder")
    config, parsed = read_config(parser, TrainConfig, arguments)

    from polar_search.cli.search import quieten_libraries
    from polar_search.predictor.trainer import best_epoch
    from polar_search.predictor.training import train

    quieten_libraries()
    console = Console()
    out = Path(parsed.out)
    training = train(
        parsed.run,
        out,
        config,
        lambda epoch: console.print(describe(epoch)),
        lambda labels: console.print(describe_labels(labels)),
    )
    best = best_epoch(training.history)
    console.print(
        f"best: {best.stage} epoch {best.epoch}; "
        f"{training.predictor.head.num_parameters():,} parameters: {out}"
    )


def describe_labels(labels: LabelSet) -> str:
    """How much there is to learn from, and what was left out."""
    programs = sum(len(label.programs) for label in labels.labels)
    text = f"{programs:,} programs of {len(labels.labels)} of {len(labels.examples)} examples"
    if labels.too_many_repeats:
        text += f"; {labels.too_many_repeats:,} valid programs with more repeats left out"
    return text


def describe(epoch: Epoch) -> str:
    """An epoch in one line."""
    loss = "" if epoch.loss is None else f"loss {epoch.loss:.3f}, "
    return (
        f"{epoch.stage} {epoch.epoch}: {loss}val accuracy {100 * epoch.accuracy:.1f}% at depth "
        f"{epoch.depth:.2f}; standard pass first {100 * epoch.identity:.0f}%, "
        f"{epoch.distinct} different first choices, entropy {epoch.entropy:.2f}"
    )
