"""Predictors of several seeds beside static programs and menus, on the test split.

    polar-search search --max-edits 1 --max-repeats 4 --limit 300 --out runs/tracking
    python experiments/predictor/compare.py runs/tracking --out runs/tracking-predictors

For each seed a predictor is trained, and compared with its own supervised start. Everything is
chosen on val; nothing of test is seen before the last step, which executes every program.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from polar_search import Program, TrainConfig
from polar_search.analysis.intervals import Estimate, paired_gain, share
from polar_search.execution import ProgramEngine
from polar_search.models import locate
from polar_search.predictor.contestants import Arena, Contestant, choose_static
from polar_search.predictor.predictor import Predictor
from polar_search.predictor.training import train
from polar_search.search.evaluation import Evaluator
from polar_search.tasks import load_task


def percent(estimate: Estimate, sign: str = "") -> str:
    """A share and its interval, in percent."""
    ends = [estimate.low or 0.0, estimate.high or 0.0]
    low, high = (f"{100 * end:{sign}.1f}" for end in ends)
    return f"{100 * estimate.value:{sign}.1f} [{low}, {high}]"


def row(name: str, contestant: Contestant, base: Contestant, levels: np.ndarray) -> str:
    """One line of the table."""
    each = [f"{100 * contestant.correct[levels == level].mean():.1f}" for level in set(levels)]
    cells = [name, percent(share(contestant.correct))]
    cells += [percent(paired_gain(contestant.correct, base.correct), "+")]
    cells += [f"{contestant.layers.mean():.2f}", " / ".join(each)]
    return f"| {' | '.join(cells)} |"


def trained(run: Path, out: Path, config: TrainConfig) -> None:
    """Train, with a line an epoch."""
    print(f"\n{out}", flush=True)
    train(
        run,
        out,
        config,
        lambda e: print(
            f"  {e.stage} {e.epoch}: val {100 * e.accuracy:.1f} at depth {e.depth:.2f}, standard "
            f"first {100 * e.identity:.0f}%, {e.distinct} first choices, entropy {e.entropy:.2f}",
            flush=True,
        ),
    )


def main() -> None:
    """Train all, then compare on test."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--depth-price", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--reinforce-epochs", type=int, default=2)
    parser.add_argument("--candidates", type=int, default=40)
    parser.add_argument("--menu", type=int, default=8)
    parser.add_argument("--limit", type=int, default=400)
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = TrainConfig(
        loss="path",
        weighting="uniform",
        epochs=options.epochs,
        reinforce_epochs=options.reinforce_epochs,
        depth_price=options.depth_price,
        val_limit=50,
    )
    folders = {}
    for seed in options.seeds:
        folders[seed] = options.out / str(seed)
        trained(options.run, folders[seed], replace(config, seed=seed))
    compare(folders, options)


def start_of(folder: Path, engine: ProgramEngine) -> Predictor:
    """The supervised start of a predictor, which its training's state holds."""
    predictor = Predictor.from_pretrained(folder, engine)
    state = torch.load(folder / "training" / "state.pt", weights_only=True)
    predictor.head.load_state_dict(state["start"])
    return predictor


def compare(folders: dict[int, Path], options: argparse.Namespace) -> None:
    """Execute and print the table."""
    origin = json.loads((next(iter(folders.values())) / "config.json").read_text())
    task = load_task(origin["task"])
    engine = ProgramEngine.from_pretrained(locate(origin["model"], task))
    predictors = {}
    for seed, folder in folders.items():
        predictors[f"supervised, seed {seed}"] = start_of(folder, engine)
        predictors[f"REINFORCE, seed {seed}"] = Predictor.from_pretrained(folder, engine)
    any_of = next(iter(predictors.values()))
    evaluator = Evaluator(engine, task)
    levels = sorted({example.level for example in task.examples("test")})
    test = [
        example
        for level in levels
        for example in [e for e in task.examples("test") if e.level == level][: options.limit]
    ]
    arena, val = Arena(evaluator, test), Arena(evaluator, list(task.examples("val")))
    standard = Program.identity(engine.num_layers)
    notations = any_of.origin.candidates[: options.candidates]
    candidates = dict.fromkeys(
        [standard, *(Program.parse(n, engine.num_layers) for n in notations)]
    )
    static, menu = choose_static(val, list(candidates), options.menu)
    print(f"\nbest static on val: {static}; menu on val: {', '.join(map(str, menu))}\n")
    everyone = np.array([example.level for example in test])
    base = arena.single("standard pass", [standard] * len(test))
    print(f"| n = {len(test)} | accuracy (%) | gain | layers | per level |\n|---|---|---|---|---|")
    print(row("standard pass", base, base, everyone))
    print(row(f"best static, `{static}`", arena.single("", [static] * len(test)), base, everyone))
    oracle = arena.oracle("menu", [menu] * len(test))
    print(row(f"oracle menu of {options.menu}", oracle, base, everyone))
    found = {}
    for name, predictor in predictors.items():
        ranked = predictor.rank(arena.prompts, 1, predictor.space)
        found[name] = arena.single(name, [one[0].program for one in ranked])
        print(row(name, found[name], base, everyone), flush=True)
    print("\n| REINFORCE - supervised | accuracy | layers |\n|---|---|---|")
    for seed in options.seeds:
        start, end = found[f"supervised, seed {seed}"], found[f"REINFORCE, seed {seed}"]
        gain = percent(paired_gain(end.correct, start.correct), "+")
        print(f"| seed {seed} | {gain} | {end.layers.mean() - start.layers.mean():+.2f} |")


if __name__ == "__main__":
    main()
