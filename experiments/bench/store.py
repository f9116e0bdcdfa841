"""The store at scale: outcomes written, read and reduced to all statistics; many parts opened.

    python experiments/bench/store.py --outcomes 10000000
    python experiments/bench/store.py --parts 10000

The outcomes are synthetic, in the shape of a large search: 24 layers, 200 programs an example (a
small set that all share, and many of an example's own), answers of a few digits. Grading is a
comparison of texts. Every step runs in a process of its own, which tells its time and the most
memory it held.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa

from polar_search.analysis.report import summarize
from polar_search.analysis.runs import read_for_statistics
from polar_search.program import Program, ProgramSpace
from polar_search.search.outcome import Outcome
from polar_search.search.parts import write_part
from polar_search.search.run import RunFolder
from polar_search.search.store import OUTCOME_SCHEMA, Fingerprints, Store, outcome_table

LAYERS, EACH, SHARED, OWN = 24, 200, 100, 20_000
PRINTS = Fingerprints("m" * 16, "t" * 16, "d" * 16)
ROWS_OF_A_PART = 200_000


def write(folder: Path, outcomes: int) -> None:
    """Parts of outcomes: the identity and the shared programs first, then some of the others."""
    rng, space = np.random.default_rng(0), ProgramSpace(LAYERS)
    pick = Random(0)
    programs = [Program.identity(LAYERS), *{space.sample(pick) for _ in range(SHARED + OWN)}]
    paths = pa.array([p.path for p in programs], pa.list_(pa.int16()))
    names = pa.array([str(p) for p in programs])
    depths = pa.array([p.depth for p in programs], pa.int16())
    texts = pa.array([f"\\boxed{{{i}}}" for i in range(100_000)])
    for start in range(0, outcomes // EACH, ROWS_OF_A_PART // EACH):
        count = min(ROWS_OF_A_PART // EACH, outcomes // EACH - start)
        own = rng.integers(SHARED, len(programs), (count, 1)) + np.arange(EACH - SHARED) * 7
        own = SHARED + (own - SHARED) % (len(programs) - SHARED)
        shared = np.broadcast_to(np.arange(SHARED), (count, SHARED))
        program = np.concatenate([shared, own], axis=1).ravel()
        example = np.repeat(np.arange(start, start + count), EACH)
        correct = rng.random(len(program)) < 0.1
        answer = np.where(correct, example, example + rng.integers(1, 20, len(program)))
        columns = {
            **{name: pa.repeat(value, len(program)) for name, value in vars(PRINTS).items()},
            "example_id": pa.array([f"example-{i:07d}" for i in range(start, start + count)]).take(
                pa.array(example - start)
            ),
            "level": pa.array(1 + example % 5, pa.int16()),
            "path": paths.take(pa.array(program)),
            "program": names.take(pa.array(program)),
            "depth": depths.take(pa.array(program)),
            "text": texts.take(pa.array(answer % len(texts))),
            "correct": pa.array(correct),
            "source": pa.repeat("executed", len(program)),
        }
        write_part(folder / "outcomes", pa.table(columns, schema=OUTCOME_SCHEMA))


def reduce(folder: Path) -> None:
    """Read everything and compute all statistics."""
    outcomes = read_for_statistics(folder, LAYERS)
    read = time.monotonic()
    print(f"  {len(outcomes.example):,} outcomes, {len(outcomes.programs):,} programs")
    summarize(
        outcomes,
        lambda pairs: [text == f"\\boxed{{{int(e[8:]) % 100_000}}}" for e, text in pairs],
    )
    print(f"  of that, statistics {time.monotonic() - read:.1f} s")


def write_small(folder: Path, parts: int) -> None:
    """Many parts of 20 outcomes each, as a long search of many workers leaves them."""
    identity = Program.identity(LAYERS)
    for part in range(parts):
        outcomes = [Outcome(f"{part}-{i}", 1, identity, f"{i}", True) for i in range(20)]
        write_part(folder / "outcomes", outcome_table(outcomes, PRINTS))


def open_small(folder: Path) -> None:
    """What an owner does before it searches: merge, then look up what is known."""
    with RunFolder(folder).owned():
        Store(folder, PRINTS, "agent")


STEPS = {"write": write, "reduce": reduce, "write-small": write_small, "open": open_small}


def main() -> None:
    """Run the steps one by one, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--outcomes", type=int, default=1_000_000)
    parser.add_argument("--parts", type=int, help="measure the opening of so many parts instead")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        size = {"write": given.outcomes, "write-small": given.parts}.get(given.step)
        started = time.monotonic()
        STEPS[given.step](given.folder, *([size] if size else []))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{given.step}: {time.monotonic() - started:.1f} s, {memory:.2f} GiB at most")
        return
    with tempfile.TemporaryDirectory() as folder:
        for step in ("write-small", "open") if given.parts else ("write", "reduce"):
            command = [sys.executable, __file__, *sys.argv[1:], "--step", step, "--folder", folder]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
