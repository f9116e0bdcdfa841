"""How far the terms of UCB pull apart the children of a root: what decides where MCTS goes.

After `experiments/agents.py`: `experiments/ucb_terms.py runs/agents/tracking`. For each lambda, the
standard deviation of every term among the visited children of the root after 200 simulations, a
mean over the examples; and the mean depth of the programs asked.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from math import log, sqrt
from pathlib import Path
from statistics import mean, pstdev

from polar_search.agents.mcts import MctsAgent
from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import seed_of_example
from polar_search.search.outcome import Outcome
from polar_search.search.store import read_outcomes

EXPLORATION, SIMULATIONS, BATCH = 1.8, 200, 16


def main() -> None:
    """Print one line a lambda."""
    valid: dict[str, dict[str, bool]] = defaultdict(dict)
    table = read_outcomes(Path(sys.argv[1])).select(["example_id", "program", "correct"])
    for row in table.to_pylist():
        valid[row["example_id"]][row["program"]] = row["correct"]
    depth = Program.parse(next(iter(next(iter(valid.values()))))).num_layers
    space = ProgramSpace(depth, max_edits=2)
    print("| lambda | reward R/v | exploration | length lambda d/D | mean depth asked |")
    print("|---|---|---|---|---|")
    for penalty in (3.0, 1.0, 0.0):
        found = [terms(space, id_, known, penalty) for id_, known in valid.items()]
        reward, explore, length, asked = (mean(column) for column in zip(*found, strict=True))
        print(f"| {penalty:g} | {reward:.2f} | {explore:.2f} | {length:.2f} | {asked:.2f} |")


def terms(
    space: ProgramSpace, example_id: str, valid: dict[str, bool], penalty: float
) -> tuple[float, float, float, float]:
    """The spreads of the three terms, and the mean depth asked, on one example."""
    agent = MctsAgent(space, seed_of_example(0, example_id), length_penalty=penalty)
    batch = [Program.identity(space.num_layers)]
    depths: list[int] = []
    while batch:
        agent.tell([Outcome(example_id, 1, p, "", valid[str(p)]) for p in batch])
        batch = [p.program for p in agent.ask(min(BATCH, SIMULATIONS - len(depths)))]
        depths += [program.depth for program in batch]
    root = agent.nodes[Program.identity(space.num_layers)]
    children = [node for node in root.children if node.visits]
    return (
        pstdev(node.value / node.visits for node in children),
        pstdev(EXPLORATION * sqrt(log(root.visits) / node.visits) for node in children),
        pstdev(penalty * node.program.depth / space.num_layers for node in children),
        mean(depths),
    )


if __name__ == "__main__":
    main()
