"""Accuracy of a bundled model on a whole split, by program and level, as a Markdown table.

`python experiments/bundled/measure.py bundled-tracking "K8" "K2 R4 K2"`. The programs are given,
not chosen here, so that the test split serves as a test.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from polar_search import Outcome, Program, ProgramEngine
from polar_search.analysis.intervals import share
from polar_search.models import locate
from polar_search.search.evaluation import Evaluator
from polar_search.tasks import TASKS


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("programs", nargs="+")
    parser.add_argument("--split", default="test")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    task = TASKS.load(arguments.model.split("-")[1])()
    engine = ProgramEngine.from_pretrained(locate(arguments.model, task), device="cpu")
    evaluator, examples = Evaluator(engine, task), task.examples(arguments.split)
    levels = sorted({example.level for example in examples})
    print("| program | " + " | ".join(f"level {level}" for level in levels) + " |")
    print("|---|" + "---|" * len(levels))
    for text in arguments.programs:
        program = Program.parse(text, engine.num_layers)
        outcomes = evaluator.evaluate([(example, program) for example in examples])
        print(f"| `{program}` | " + " | ".join(cell(outcomes, level) for level in levels) + " |")


def cell(outcomes: list[Outcome], level: int) -> str:
    """Accuracy at one level with its 95% interval, in %."""
    estimate = share(np.array([o.correct for o in outcomes if o.level == level]))
    low, high = 100 * (estimate.low or 0.0), 100 * (estimate.high or 0.0)
    return f"{100 * (estimate.value or 0.0):.1f} [{low:.0f}, {high:.0f}]"


if __name__ == "__main__":
    main()
