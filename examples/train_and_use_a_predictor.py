"""Learn which program to run from the prompt, then answer prompts by it.

    python examples/train_and_use_a_predictor.py --model Qwen/Qwen2.5-0.5B-Instruct --task gsm8k

What the predictor is worth on unseen examples: `polar-search evaluate runs/predictor --split test`.
"""

import argparse
from pathlib import Path

import polar_search
from polar_search import SearchConfig, Session, TrainConfig
from polar_search.predictor.trainer import Epoch
from polar_search.predictor.training import train


def report(epoch: Epoch) -> None:
    """Tell how training goes."""
    print(f"{epoch.stage} {epoch.epoch}: {epoch.accuracy:.1%} right, {epoch.depth:.1f} layers")


def main() -> None:
    """Search, train, answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="bundled", help="Hub id or folder")
    parser.add_argument("--task", default="tracking")
    parser.add_argument("--limit", type=int, default=40, help="examples of each level")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--run", default="runs/searched")
    parser.add_argument("--out", default="runs/predictor")
    given = parser.parse_args()

    config = SearchConfig(
        model=given.model, task=given.task, limit=given.limit, max_edits=1, max_repeats=4
    )
    session = Session.load(config)
    session.run(given.run)  # which programs answer each training example

    settings = TrainConfig(
        loss="path", weighting="uniform", epochs=given.epochs, depth_price=0.1, val_limit=20
    )
    train(given.run, Path(given.out), settings, report)

    model = polar_search.load(given.model, predictor=given.out)
    prompts = [example.question for example in session.task.examples("val")[::100]]
    for answer in model.generate(prompts, max_new_tokens=session.evaluator.max_new_tokens):
        print(f"{answer.prompt!r} -> {answer.text!r} by {answer.program}, {answer.depth} layers")


if __name__ == "__main__":
    main()
