"""Static programs by Ray Tune and Optuna: one trial is one program, tried on all examples.

A trial reports after every chunk of examples, so that bad programs can be stopped early. Every
outcome goes through the store of the run folder: what was executed once is never executed again,
whichever trial asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import ray
from optuna.distributions import CategoricalDistribution
from ray import tune
from ray.tune.schedulers import ASHAScheduler

from polar_search.analysis.intervals import share
from polar_search.cluster.config import ClusterConfig, TuneConfig
from polar_search.cluster.connection import connected
from polar_search.cluster.search import start_worker
from polar_search.cluster.trials import Study, run_trials
from polar_search.cluster.worker import Loaded
from polar_search.errors import ClusterError, PolarSearchError, one_line
from polar_search.program import Encoding, Program
from polar_search.search.agent import seed_of_example
from polar_search.search.config import SearchConfig
from polar_search.search.places import place_of
from polar_search.search.run import RunFolder
from polar_search.search.session import Session, select
from polar_search.search.store import Store, read_outcomes
from polar_search.tasks import Example, load_task

FILE = "static_programs.json"
STUDY = "static_programs"


class StaticProgram(tune.Trainable):
    """One trial: a program on one chunk of examples after the other. Reused with its model."""

    def setup(  # type: ignore[override]  # with_parameters adds what is the same for all trials
        self, config: dict[str, Any], search: SearchConfig, price: float, out: Path
    ) -> None:
        """Load the model; Ray calls this once an actor."""
        session = Session.load(search)
        self._session, self._price = session, price
        self._layers = session.engine.num_layers
        self._encoding = Encoding(search.space(self._layers))
        self._examples = mixed(session.examples, search.seed)
        self._store = Store(out, session.fingerprints(), session.agent_fingerprint())
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Begin another program with the same model."""
        self._store.reread()
        self._program = self._encoding.decode(new_config)
        self._done = self._correct = 0
        return True

    def step(self) -> dict[str, Any]:
        """The next chunk of examples."""
        if self._program is None:
            # Choices that stand for no program of the space are worth nothing.
            return self._result(0.0, self._layers * self._session.config.max_repeats, over=True)
        chunk = self._examples[self._done : self._done + self._session.config.chunk]
        known = [self._store.known(example.id, self._layers) for example in chunk]
        jobs = [
            (example, self._program)
            for example, outcomes in zip(chunk, known, strict=True)
            if self._program not in outcomes
        ]
        executed = self._session.evaluator.evaluate(jobs)
        self._store.append(executed, [])
        self._store.flush()
        before = (outcomes.get(self._program) for outcomes in known)
        self._correct += sum(o.correct for o in (*executed, *filter(None, before)))
        self._done += len(chunk)
        over = self._done == len(self._examples)
        return self._result(self._correct / self._done, self._program.depth, over)

    def _result(self, accuracy: float, depth: int, over: bool) -> dict[str, Any]:
        value = accuracy * (1 - self._price * depth / self._layers)
        return {
            "accuracy": accuracy,
            "depth": depth,
            "value": value,
            "examples": self._done,
            "done": over,
        }


def mixed(examples: Sequence[Example], seed: int) -> list[Example]:
    """Examples in an order in which a chunk is a sample: tasks list their levels in turn."""
    return sorted(examples, key=lambda example: seed_of_example(seed, example.id))


def tune_static_programs(
    config: SearchConfig, tuning: TuneConfig, cluster: ClusterConfig, out: Path
) -> list[dict[str, Any]]:
    """Try `tuning.trials` programs, or go on with what is there; keep what came out in FILE.

    Args:
        config: Model, task, examples and space. Its agent is not used.
        tuning: How many programs, and what they are measured by.
        cluster: Where trials run, one a worker.
        out: The run folder.

    Returns:
        The programs that were tried on all examples, the best first.

    Raises:
        PolarSearchError: As `search_on_cluster`.
    """
    examples = select(load_task(config.task, config.task_options), config)
    folder = RunFolder(place_of(out).absolute())
    with folder.owned(), connected(cluster):
        loaded = _load(config, cluster, folder.path)
        folder.begin(loaded.fixed, {**config.to_dict(), "tune": asdict(tuning)})
        encoding = Encoding(config.space(loaded.fixed["num_layers"]))
        _fit(config, tuning, cluster, folder.path, encoding, len(examples))
        found = static_programs(folder.path, len(examples))
        folder.write(FILE, found)
    return found


def _load(config: SearchConfig, cluster: ClusterConfig, out: Path) -> Loaded:
    """What a worker knows of the model; the driver loads none."""
    actor = start_worker(config, cluster, out)
    try:
        loaded: Loaded = ray.get(actor.load.remote())
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, PolarSearchError):
            raise error.cause from None
        raise ClusterError(
            f"expected a worker that loads the model, received {one_line(error.cause)}; "
            "see Ray's log of its node"
        ) from error
    ray.kill(actor)
    return loaded


def _fit(
    config: SearchConfig,
    tuning: TuneConfig,
    cluster: ClusterConfig,
    out: Path,
    encoding: Encoding,
    examples: int,
) -> None:
    """Run the trials that are left."""
    if config.device == "auto" and not cluster.gpus_per_worker:
        config = replace(config, device="cpu")
    identity = Program.identity(encoding.space.num_layers)
    several = tuning.objective == "pareto"
    study = Study(
        name=STUDY,
        journal=out / "optuna.log",
        trials=tuning.trials,
        space={name: CategoricalDistribution(words) for name, words in encoding.choices.items()},
        goals={"accuracy": "max", "depth": "min"} if several else {"value": "max"},
        seed=config.seed,
        line=_line,
        first=encoding.encode(identity) if identity in encoding.space else None,
        early=None
        if several
        else ASHAScheduler("examples", "value", "max", max_t=examples, grace_period=config.chunk),
    )
    program = tune.with_parameters(StaticProgram, search=config, price=tuning.depth_price, out=out)
    run_trials(study, program, cluster)


def _line(result: Mapping[str, Any]) -> str:
    return (
        f"programs: {result['accuracy']:.1%} of {result['examples']} examples at depth "
        f"{result['depth']}"
    )


def static_programs(out: Path, num_examples: int) -> list[dict[str, Any]]:
    """The stored programs that were tried on all examples, the best first.

    Those that no other one beats in both accuracy and depth are on the Pareto front. All were
    chosen on these examples, so what they are worth has to be measured on others.
    """
    table = read_outcomes(out)
    table = table.filter(pc.equal(table["source"], "executed"))
    grouped = table.group_by(["program", "depth"]).aggregate(
        [("correct", "sum"), ("example_id", "count_distinct")]
    )
    found = []
    for row in grouped.to_pylist():
        if row["example_id_count_distinct"] == num_examples:
            hits = np.arange(num_examples) < row["correct_sum"]
            estimate = {k: getattr(share(hits), k) for k in ("value", "low", "high", "n")}
            found.append({"program": row["program"], "depth": row["depth"], "accuracy": estimate})
    found.sort(key=lambda one: (-one["accuracy"]["value"], one["depth"]))
    shallowest = float("inf")
    for one in found:
        one["pareto"] = one["depth"] < shallowest
        shallowest = min(shallowest, one["depth"])
    return found
