"""Static programs by Ray Tune and Optuna: one trial is one program, tried on all examples.

A trial reports after every chunk of examples, so that bad programs can be stopped early. Every
outcome goes through the store of the run folder: what was executed once is never executed again,
whichever trial asks for it. The study is kept by Optuna beside it; nothing of Ray's is restored.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pyarrow.compute as pc
import ray
from optuna.distributions import CategoricalDistribution
from optuna.samplers import NSGAIISampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch
from rich.console import Console

from polar_search.analysis.intervals import share
from polar_search.cluster.config import ClusterConfig, TuneConfig
from polar_search.cluster.connection import connected
from polar_search.cluster.search import start_worker
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
RETRIES = 2
"""How often the trial of a worker that died is tried again."""


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
    """Run the trials that are left, and tell about each that ends."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(out / "optuna.log")))
    tried = _tried(storage)
    if tried >= tuning.trials:
        return
    if config.device == "auto" and not cluster.gpus_per_worker:
        config = replace(config, device="cpu")
    early = ASHAScheduler("examples", "value", "max", max_t=examples, grace_period=config.chunk)
    settings = tune.TuneConfig(
        search_alg=_searcher(tuning, encoding, storage, config.seed + tried, new=tried == 0),
        scheduler=None if tuning.objective == "pareto" else early,
        num_samples=tuning.trials - tried,
        max_concurrent_trials=cluster.workers,
        reuse_actors=True,
    )
    program = tune.with_parameters(StaticProgram, search=config, price=tuning.depth_price, out=out)
    wanted = {name.lower(): amount for name, amount in cluster.resources().items()}
    # Ray's own files are never read again, so they go away; what it prints is about them.
    with tempfile.TemporaryDirectory(prefix="polar-search-tune-") as scratch:
        run = tune.RunConfig(
            name=STUDY,
            storage_path=scratch,
            verbose=0,
            callbacks=[Told(tried, tuning.trials)],
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=RETRIES),
        )
        tuner = tune.Tuner(
            tune.with_resources(program, wanted), tune_config=settings, run_config=run
        )
        with redirect_stdout(StringIO()):
            results = tuner.fit()
    if results.num_errors:
        raise ClusterError(
            f"expected every trial to end, received {results.num_errors} of {len(results)} that "
            f"did not, the first with {one_line(results.errors[0])}; run the same command again"
        )


def _searcher(
    tuning: TuneConfig, encoding: Encoding, storage: JournalStorage, seed: int, *, new: bool
) -> OptunaSearch:
    """Optuna over the encoded programs; a new study begins with the identity.

    `seed` differs between the runs of a study, lest it proposes the same again.
    """
    several = tuning.objective == "pareto"
    metric: Any = ["accuracy", "depth"] if several else "value"
    mode: Any = ["max", "min"] if several else "max"
    identity = Program.identity(encoding.space.num_layers)
    return OptunaSearch(
        {name: CategoricalDistribution(words) for name, words in encoding.choices.items()},
        metric=metric,
        mode=mode,
        points_to_evaluate=[encoding.encode(identity)]
        if new and identity in encoding.space
        else None,
        sampler=NSGAIISampler(seed=seed) if several else TPESampler(seed=seed),
        study_name=STUDY,
        storage=storage,
    )


class Told(tune.Callback):
    """Prints a line about every program that has ended.

    Args:
        before: Programs of earlier runs.
        trials: Programs in all.
    """

    def __init__(self, before: int, trials: int) -> None:
        self._ended, self._trials = before, trials

    def on_trial_complete(
        self,
        iteration: int,  # noqa: ARG002
        trials: list[Any],  # noqa: ARG002
        trial: Any,  # noqa: ANN401
        **info: Any,  # noqa: ANN401, ARG002
    ) -> None:
        """Called by Tune when a trial has ended or was stopped."""
        self._ended += 1
        result = trial.last_result
        # Tune pickles its callbacks, so this one cannot keep a stream.
        Console(file=sys.__stdout__, soft_wrap=True).print(
            f"{self._ended}/{self._trials} programs: {result['accuracy']:.1%} of "
            f"{result['examples']} examples at depth {result['depth']}"
        )


def _tried(storage: JournalStorage) -> int:
    """Trials of the study that came to an end; those that a killed run has left open fail."""
    if STUDY not in optuna.get_all_study_names(storage):
        return 0
    study = optuna.load_study(study_name=STUDY, storage=storage)
    for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)
    return len(study.get_trials(deepcopy=False, states=[TrialState.COMPLETE, TrialState.PRUNED]))


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
