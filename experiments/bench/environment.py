"""Episodes per second of the vector environment against the single one, uniform allowed actions.

python experiments/bench/environment.py [--num-envs 256] [--threads 2] [--out FILE.json]

Both forms have the same model, options and examples, both play in turn, and neither remembers
outcomes. "One example, 8 slots" is the shape of policy gradients that compare programs of one
example; there the single environment plays the same 8 episodes one after the other.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from datetime import date
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from polar_search.envs import ProgramOfLayersEnv, ProgramOfLayersVectorEnv

WORKLOADS: dict[str, tuple[dict[str, object], int]] = {
    "free segments": ({}, 1),
    "free segments, level 1": ({"levels": [1]}, 1),
    "fixed segments of 2": ({"segmentation": 2, "max_edits": None}, 1),
    "free segments, one example, 8 slots": ({}, 8),
}
"""By name: options of the environment, and how many slots have one example."""


def uniform(masks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An allowed action for each row of masks, [B, actions]."""
    return np.where(masks > 0, rng.random(masks.shape), -1.0).argmax(-1)


def play_single(env: ProgramOfLayersEnv, ids: list[str], rng: np.random.Generator) -> float:
    """Episodes per second, one after the other."""
    start = time.perf_counter()
    for example_id in ids:
        _, info = env.reset(options={"example_id": example_id})
        over = False
        while not over:
            _, _, over, _, info = env.step(uniform(info["action_mask"][None], rng)[0])
    return len(ids) / (time.perf_counter() - start)


def play_vector(envs: ProgramOfLayersVectorEnv, ids: list[str], rng: np.random.Generator) -> float:
    """Episodes per second of one round."""
    start = time.perf_counter()
    _, infos = envs.reset(options={"example_ids": ids})
    over = np.zeros(1, bool)
    while not over.all():
        _, _, over, _, infos = envs.step(uniform(infos["action_mask"], rng))
    return len(ids) / (time.perf_counter() - start)


def measure(name: str, arguments: argparse.Namespace) -> dict[str, object]:
    """One line of numbers: medians over repeats in which both forms play in turn."""
    options, slots = WORKLOADS[name]
    single = ProgramOfLayersEnv(remember=0, **options)
    vector = ProgramOfLayersVectorEnv(arguments.num_envs, remember=0, **options)
    rng = np.random.default_rng(0)
    examples = [example.id for example in single.setting.examples]
    play_vector(vector, [examples[0]] * arguments.num_envs, rng)
    rates = []
    for _ in range(arguments.repeats):
        chosen = rng.choice(examples, -(-arguments.num_envs // slots))
        ids = [str(example_id) for example_id in chosen.repeat(slots)[: arguments.num_envs]]
        few = list(rng.choice(ids, arguments.single_episodes))
        rates.append((play_single(single, few, rng), play_vector(vector, ids, rng)))
    return {
        "workload": name,
        "single episodes/s": statistics.median(one for one, _ in rates),
        f"vector episodes/s (B={arguments.num_envs})": statistics.median(v for _, v in rates),
        "times": statistics.median(v / one for one, v in rates),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-envs", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--single-episodes", type=int, default=50)
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    lines = [measure(name, arguments) for name in WORKLOADS]
    table = Table()
    for column in lines[0]:
        table.add_column(column, justify="right")
    for line in lines:
        table.add_row(*(f"{v:.3g}" if isinstance(v, float) else str(v) for v in line.values()))
    Console(width=140).print(table)
    if arguments.out:
        record = {"date": str(date.today()), "hardware": platform.processor()}
        record |= {"threads": arguments.threads, "lines": lines}
        arguments.out.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
