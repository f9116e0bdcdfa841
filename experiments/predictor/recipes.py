"""Recipes against collapse: what the first choices are, and what they are worth on val.

    python experiments/predictor/recipes.py runs/tracking --out runs/recipes

A predictor has collapsed when its first choice is one program, mostly the standard pass, for every
input.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from polar_search import TrainConfig
from polar_search.analysis.intervals import share
from polar_search.predictor.trainer import best_epoch
from polar_search.predictor.training import train

BASE = TrainConfig(epochs=4, val_limit=50)
RECIPES = {
    "paper: canonical structures, standard pass at 0.3": BASE,
    "canonical structures, all programs alike": replace(BASE, weighting="uniform"),
    "canonical structures, shortest alone": replace(BASE, weighting="shortest"),
    "paths, all programs alike": replace(BASE, weighting="uniform", loss="path"),
    "paths, shortest alone": replace(BASE, weighting="shortest", loss="path"),
    "paths, all alike, then REINFORCE": replace(
        BASE, weighting="uniform", loss="path", reinforce_epochs=2, depth_price=0.1
    ),
}


def main() -> None:
    """Train each recipe and print its best epoch."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        "| recipe | val accuracy (%) | layers | standard pass first (%) | different first choices "
        "| among the first 5 | entropy |\n|---|---|---|---|---|---|---|"
    )
    for number, (name, recipe) in enumerate(RECIPES.items()):
        config = replace(recipe, seed=options.seed)
        training = train(options.run, options.out / str(number), config)
        last = best_epoch(training.history)
        n = BASE.val_limit * len({example.level for example in training.labels.examples})
        hits = np.arange(n) < round(last.accuracy * n)
        estimate = share(hits)
        print(
            f"| {name} | {100 * last.accuracy:.1f} [{100 * (estimate.low or 0):.0f}, "
            f"{100 * (estimate.high or 0):.0f}] | {last.depth:.2f} | {100 * last.identity:.0f} | "
            f"{last.distinct} | {last.distinct_top} | {last.entropy:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
