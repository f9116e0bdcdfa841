"""Compare the search strategies at equal budgets: `experiments/agents.py experiments/agents.yaml`.

The outcome of a program on an example does not depend on who asks, so the whole space is executed
once, and every strategy replays on the store. Writes OUT/agents.json, .md and .svg.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from polar_search.analysis.outcomes import Floats
from polar_search.search.agent import Agent, MakeAgent
from polar_search.search.config import SearchConfig
from polar_search.search.driver import Driver, Progress
from polar_search.search.outcome import Outcome
from polar_search.search.session import Session, agent_factory
from polar_search.search.store import Store

RESAMPLES = 10_000

Told = dict[str, list[tuple[bool, int]]]
"""For each example, whether each program was correct and its depth; the identity comes first."""


Interval = tuple[float, float, float]
"""A mean over examples, and its 95% interval."""


@dataclass(frozen=True)
class Row:
    """One strategy at one budget; of several seeds each example has the mean.

    Attributes:
        task: Its name.
        agent: Its name in the recipe.
        budget: Programs an example, the identity not counted.
        n: Examples.
        oracle: Share of them that some program answers, the identity included.
        gain: That above random search of the same budget, example by example.
        depth: Depth of the shallowest valid program, over the examples with one.
        excess: Layers above the shallowest of the whole space, over the same examples.
        valid: Valid programs found, the identity not counted.
        asked_depth: Mean depth of the programs asked.
    """

    task: str
    agent: str
    budget: int
    n: int
    oracle: Interval
    gain: Interval
    depth: Interval
    excess: float
    valid: float
    asked_depth: float


@dataclass(frozen=True)
class Cost:
    """What a strategy's own work took, in milliseconds a program, at the largest budget."""

    task: str
    agent: str
    milliseconds: float


def recording(agent: type[Agent], told: Told) -> type[Agent]:
    """The class of an agent that writes down what it is told."""

    class Recorded(agent):  # type: ignore[misc, valid-type]
        def tell(self, outcomes: Sequence[Outcome]) -> None:
            told[outcomes[0].example_id] += [(o.correct, o.program.depth) for o in outcomes]
            super().tell(outcomes)

    Recorded.__name__ = agent.__name__
    return Recorded


def replayed(session: Session, out: Path, config: SearchConfig) -> tuple[Told, Progress]:
    """What the agent of `config` is told, what the store holds not executed again."""
    told: Told = defaultdict(list)
    made = agent_factory(config)
    make: MakeAgent = partial(recording(made.func, told), **made.keywords)  # type: ignore[attr-defined]
    search = replace(session, config=config, make_agent=make)
    store = Store(out, search.fingerprints(), search.agent_fingerprint())
    space = config.space(session.engine.num_layers)
    budget = config.run_budget()
    driver = Driver(session.evaluator, store, space, make, budget, config.seed)
    return told, driver.search(session.examples)


def compare(recipe: Mapping[str, Any], task: str, out: Path) -> tuple[list[Row], list[Cost]]:
    """All strategies on one task."""
    shared = {key: recipe[key] for key in ("split", "limit", "max_edits")}
    whole = SearchConfig(task=task, agent="exhaustive", ask_batch=256, threads=1, **shared)
    session = Session.load(whole)
    everything, progress = replayed(session, out / task, whole)
    print(f"{task}: {progress.programs:,} outcomes, {progress.executed:,} executed", flush=True)
    best = {id_: shallowest(steps) for id_, steps in everything.items()}
    costs = []
    if progress.executed:
        costs.append(Cost(task, "engine", 1e3 * progress.engine_seconds / progress.executed))
    told: dict[str, list[Told]] = {}
    for name, entry in recipe["agents"].items():
        config = replace(
            whole,
            agent=entry["agent"],
            agent_options=entry.get("options", {}),
            budget=max(recipe["budgets"]),
            ask_batch=16,
        )
        runs = [
            replayed(session, out / task, replace(config, seed=seed)) for seed in recipe["seeds"]
        ]
        told[name] = [steps for steps, _ in runs]
        seconds = sum(progress.agent_seconds for _, progress in runs)
        programs = sum(progress.programs for _, progress in runs)
        costs.append(Cost(task, name, 1e3 * seconds / programs))
        print(f"{task}: {name} done", flush=True)
    rows = [
        row(task, name, budget, runs, told["random"], best)
        for name, runs in told.items()
        for budget in recipe["budgets"]
    ]
    size = len(next(iter(everything.values()))) - 1
    rows.append(row(task, "whole space", size, [everything], told["random"], best))
    return rows, costs


def shallowest(steps: Sequence[tuple[bool, int]]) -> float:
    """The depth of the shallowest valid program; infinite where there is none."""
    return min((depth for correct, depth in steps if correct), default=math.inf)


def row(
    task: str,
    agent: str,
    budget: int,
    runs: Sequence[Told],
    random: Sequence[Told],
    best: Mapping[str, float],
) -> Row:
    """What was found within `budget`; longer searches begin like shorter ones."""
    ids = list(best)
    depths, baseline = found(runs, ids, budget), found(random, ids, budget)  # [n, seeds]
    solved = np.isfinite(depths)
    hits = solved.mean(axis=1)
    some = solved.any(axis=1)
    mean_depth = np.array([d[s].mean() for d, s in zip(depths[some], solved[some], strict=True)])
    cut = [run[id_][1 : budget + 1] for run in runs for id_ in ids]
    return Row(
        task,
        agent,
        budget,
        len(ids),
        oracle=interval(hits),
        gain=interval(hits - np.isfinite(baseline).mean(axis=1)),
        depth=interval(mean_depth),
        excess=float((mean_depth - np.array([best[id_] for id_ in ids])[some]).mean()),
        valid=float(np.mean([sum(correct for correct, _ in steps) for steps in cut])),
        asked_depth=float(np.mean([depth for steps in cut for _, depth in steps])),
    )


def found(runs: Sequence[Told], ids: Sequence[str], budget: int) -> Floats:
    """The depths of the shallowest valid programs, `[examples, seeds]`; infinite for none."""
    return np.array([[shallowest(run[id_][: budget + 1]) for run in runs] for id_ in ids])


def interval(values: Floats) -> Interval:
    """The mean over examples (`[n]`), and the percentile bootstrap of it over examples."""
    rng = np.random.default_rng(0)
    means = rng.choice(values, size=(RESAMPLES, len(values))).mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(values.mean()), float(low), float(high)


def markdown(rows: Sequence[Row], costs: Sequence[Cost]) -> str:
    """Both tables."""
    lines = [
        "| task | agent | budget | n | oracle accuracy (%) | above random | shortest valid depth "
        "| above the optimum | valid programs | mean depth asked |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        oracle = "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * x for x in r.oracle))
        gain = "{:+.1f} [{:+.1f}, {:+.1f}]".format(*(100 * x for x in r.gain))
        depth = "{:.2f} [{:.2f}, {:.2f}]".format(*r.depth)
        lines.append(
            f"| {r.task} | {r.agent} | {r.budget} | {r.n} | {oracle} | {gain} | {depth} "
            f"| {r.excess:.2f} | {r.valid:.1f} | {r.asked_depth:.2f} |"
        )
    lines += ["", "| task | who | ms a program |", "|---|---|---|"]
    lines += [f"| {c.task} | {c.agent} | {c.milliseconds:.3f} |" for c in costs]
    return "\n".join(lines) + "\n"


def draw(rows: Sequence[Row], path: Path) -> None:
    """Oracle accuracy, and layers above the optimum, against the budget; a column a task."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "agents"
    import matplotlib.pyplot as plt

    tasks = list(dict.fromkeys(r.task for r in rows))
    figure, axes = plt.subplots(2, len(tasks), figsize=(5 * len(tasks), 7), squeeze=False)
    for column, task in enumerate(tasks):
        top, bottom = axes[0][column], axes[1][column]
        for agent in dict.fromkeys(r.agent for r in rows):
            own = [r for r in rows if (r.task, r.agent) == (task, agent)]
            budgets = [r.budget for r in own]
            top.plot(budgets, [100 * r.oracle[0] for r in own], "o-", label=agent)
            bottom.plot(budgets, [r.excess for r in own], "o-", label=agent)
        top.set(title=task, ylabel="oracle accuracy (%)", xscale="log")
        bottom.set(
            ylabel="layers above the shallowest valid", xlabel="programs an example", xscale="log"
        )
    axes[0][0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Run the recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/agents"))
    parser.add_argument("--limit", type=int, help="examples of each level, for a smaller run")
    parser.add_argument("--tasks", nargs="*", help="some of the recipe's tasks")
    parser.add_argument("--agents", nargs="*", help="some of the recipe's agents")
    given = parser.parse_args()
    recipe = yaml.safe_load(given.recipe.read_text(encoding="utf-8"))
    recipe["limit"] = given.limit or recipe["limit"]
    if given.agents is not None:
        recipe["agents"] = {name: recipe["agents"][name] for name in given.agents}
    rows: list[Row] = []
    costs: list[Cost] = []
    for task in given.tasks or recipe["tasks"]:
        new_rows, new_costs = compare(recipe, task, given.out)
        rows, costs = rows + new_rows, costs + new_costs
    given.out.mkdir(parents=True, exist_ok=True)
    plain = json.dumps({"rows": rows, "costs": costs}, default=vars, indent=1)
    (given.out / "agents.json").write_text(plain + os.linesep, encoding="utf-8")
    (given.out / "agents.md").write_text(markdown(rows, costs), encoding="utf-8")
    draw(rows, given.out / "agents.svg")
    print(markdown(rows, costs))


if __name__ == "__main__":
    main()
