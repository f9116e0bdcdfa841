"""Trials by Ray Tune and Optuna, whatever a trial is; a study that goes on after any end.

Optuna keeps the study in a journal beside the run. Nothing of Ray's is restored, which would
unpickle files: what a trial had done is known from what it stored itself.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import NSGAIISampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch
from rich.console import Console

from polar_search.cluster.config import ClusterConfig
from polar_search.errors import ClusterError, one_line

RETRIES = 2
"""How often the trial of a worker that died is tried again."""


@dataclass(frozen=True)
class Study:
    """What is tried, and what it is judged by.

    Attributes:
        name: Of the study in its journal.
        journal: File of the journal.
        trials: In all, those of earlier runs included.
        space: What a trial is made of.
        goals: What a trial reports, and whether it is to be large or small.
        seed: Of what is proposed.
        line: A result in words.
        first: Tried before all others.
        early: Stops bad trials early; only with one goal, since it would end the ones that are good
            at another.
    """

    name: str
    journal: Path
    trials: int
    space: Mapping[str, BaseDistribution]
    goals: Mapping[str, Literal["max", "min"]]
    seed: int
    line: Callable[[Mapping[str, Any]], str]
    first: Mapping[str, Any] | None = None
    early: ASHAScheduler | None = None


def run_trials(study: Study, trainable: Any, cluster: ClusterConfig) -> None:  # noqa: ANN401
    """Run the trials that are left, and tell about each that ends.

    Args:
        study: What is tried.
        trainable: A trial, one a worker; actors are reused for the next one.
        cluster: What each worker takes. This process is its driver.

    Raises:
        ClusterError: A trial did not come to an end.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(study.journal)))
    tried = _tried(study.name, storage)
    if tried >= study.trials:
        return
    settings = tune.TuneConfig(
        search_alg=_searcher(study, storage, tried),
        scheduler=study.early,
        num_samples=study.trials - tried,
        max_concurrent_trials=cluster.workers,
        reuse_actors=True,
    )
    wanted = {name.lower(): amount for name, amount in cluster.resources().items()}
    # Ray's own files are never read again, so they go away; what it prints is about them.
    with tempfile.TemporaryDirectory(prefix="polar-search-tune-") as scratch:
        run = tune.RunConfig(
            name=study.name,
            storage_path=scratch,
            verbose=0,
            callbacks=[Told(study.line, tried, study.trials)],
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=RETRIES),
        )
        tuner = tune.Tuner(
            tune.with_resources(trainable, wanted), tune_config=settings, run_config=run
        )
        with redirect_stdout(StringIO()):
            results = tuner.fit()
    if results.num_errors:
        raise ClusterError(
            f"expected every trial to end, received {results.num_errors} of {len(results)} that "
            f"did not, the first with {one_line(results.errors[0])}; run the same command again"
        )


def _searcher(study: Study, storage: JournalStorage, tried: int) -> OptunaSearch:
    """Optuna's sampler; its seed differs between runs, lest it proposes the same again."""
    several, seed = len(study.goals) > 1, study.seed + tried
    metric: Any = list(study.goals) if several else next(iter(study.goals))
    mode: Any = list(study.goals.values()) if several else next(iter(study.goals.values()))
    return OptunaSearch(
        dict(study.space),
        metric=metric,
        mode=mode,
        points_to_evaluate=[dict(study.first)] if study.first and not tried else None,
        sampler=NSGAIISampler(seed=seed) if several else TPESampler(seed=seed),
        study_name=study.name,
        storage=storage,
    )


def _tried(name: str, storage: JournalStorage) -> int:
    """Trials of the study that came to an end; those that a killed run has left open fail."""
    if name not in optuna.get_all_study_names(storage):
        return 0
    study = optuna.load_study(study_name=name, storage=storage)
    for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)
    return len(study.get_trials(deepcopy=False, states=[TrialState.COMPLETE, TrialState.PRUNED]))


class Told(tune.Callback):
    """Prints a line about every trial that has ended.

    Args:
        line: A result in words.
        before: Trials of earlier runs.
        trials: In all.
    """

    def __init__(self, line: Callable[[Mapping[str, Any]], str], before: int, trials: int) -> None:
        self._line, self._ended, self._trials = line, before, trials

    def on_trial_complete(
        self,
        iteration: int,  # noqa: ARG002
        trials: list[Any],  # noqa: ARG002
        trial: Any,  # noqa: ANN401
        **info: Any,  # noqa: ANN401, ARG002
    ) -> None:
        """Called by Tune when a trial has ended or was stopped."""
        self._ended += 1
        # Tune pickles its callbacks, so this one cannot keep a stream.
        Console(file=sys.__stdout__, soft_wrap=True).print(
            f"{self._ended}/{self._trials} {self._line(trial.last_result)}"
        )
