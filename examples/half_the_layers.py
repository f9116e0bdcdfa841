"""One program for all inputs that runs half the layers, found by Optuna, and what it is worth.

    python examples/half_the_layers.py --model Qwen/Qwen2.5-0.5B-Instruct --task gsm8k

Chosen on training examples, measured on test examples, written as a checkpoint that transformers
loads as it is.
"""

import argparse
from dataclasses import replace

import numpy as np

from polar_search import Program, SearchConfig, Session, load_outcomes
from polar_search.analysis import share
from polar_search.serving.export import export_program


def main() -> None:
    """Search, choose, measure, export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="bundled-arithmetic", help="Hub id or folder")
    parser.add_argument("--task", default="arithmetic")
    parser.add_argument("--limit", type=int, default=20, help="examples of each level")
    parser.add_argument("--trials", type=int, default=60, help="programs to try")
    parser.add_argument("--out", default="runs/half")
    given = parser.parse_args()

    config = SearchConfig(
        model=given.model,
        task=given.task,
        agent="optuna",
        agent_options={"scope": "dataset", "depth_price": 0.0},
        limit=given.limit,
        budget=given.trials,
    )
    session = Session.load(config)
    layers = session.engine.num_layers
    half = replace(config, max_depth=layers // 2, max_edits=layers // 8 + 2)
    replace(session, config=half).run(given.out)

    # The standard pass was tried too, but it is no program of half the layers.
    tried = load_outcomes(given.out).to_pandas().query("depth <= @layers // 2")
    best = tried.groupby("program")["correct"].mean().sort_values(ascending=False).index[0]

    unseen = Session.load(replace(half, split="test"))
    for program in (Program.identity(layers), Program.parse(best, layers)):
        outcomes = unseen.evaluator.evaluate([(e, program) for e in unseen.examples])
        hits = share(np.array([outcome.correct for outcome in outcomes]))
        print(
            f"{program}: {program.depth} layers, {hits.value:.1%} of {hits.n} test examples "
            f"[{hits.low:.1%}, {hits.high:.1%}]"
        )
    print("a plain checkpoint:", export_program(given.model, best, f"{given.out}/exported").out)


if __name__ == "__main__":
    main()
