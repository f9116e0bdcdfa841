"""Hyper-parameters of a predictor by Ray Tune and Optuna: one trial is one training on one run.

A trial reports after every epoch, so that bad ones are stopped early (ASHA). Its state is kept in a
folder named after its hyper-parameters: who asks for them again goes on there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
import yaml
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from ray import tune
from ray.tune.schedulers import ASHAScheduler

from polar_search.cluster.config import ClusterConfig, PredictorTuneConfig
from polar_search.cluster.connection import connected
from polar_search.cluster.trials import Study, run_trials
from polar_search.errors import ConfigError, RunError
from polar_search.predictor.config import TrainConfig
from polar_search.predictor.encoder import make_encoder
from polar_search.predictor.labels import LabelSet, read_labels
from polar_search.predictor.trainer import best_epoch
from polar_search.predictor.training import load_engine, prepare
from polar_search.registry import checked_options
from polar_search.search.places import Location, place_of
from polar_search.search.run import RunFolder

STUDY = "predictor"
TRIALS, BEST = "trials", "best.yaml"
JUDGES = ("seed", "device", "threads", "depth_price", "val_limit", "level", "max_repeats")
"""What trials are compared by, or is none of the training's; it is the same for all."""


class PredictorTraining(tune.Trainable):
    """One trial: a training, epoch by epoch. Reused with its model."""

    def setup(  # type: ignore[override]  # with_parameters adds what is the same for all trials
        self, config: dict[str, Any], base: TrainConfig, run: Location, out: Path
    ) -> None:
        """Load the model; Ray calls this once an actor."""
        self._base, self._run, self._out, self._held = base, run, out, ExitStack()
        if base.threads is not None:
            torch.set_num_threads(base.threads)
        self._engine = load_engine(_labels(run, base), base.device)
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Begin another training with the same model, or go on with it."""
        config, folder = replace(self._base, **new_config), self._own(new_config)
        engine = self._engine
        encoder = make_encoder(config.encoder, engine.model, engine.tokenizer)
        labels = _labels(self._run, config)
        self._trainer, _ = prepare(self._run, labels, engine, encoder, config, folder)
        self._epochs = self._trainer.epochs(folder / "state.pt")
        self._folder, self._chosen = folder, new_config
        return True

    def _own(self, options: dict[str, Any]) -> Path:
        """The folder of these hyper-parameters; another one while somebody trains with the same."""
        self._held.close()
        folder = self._out / TRIALS / name_of(options)
        try:
            self._held.enter_context(RunFolder(folder).owned())
        except RunError:
            folder = folder.with_name(f"{folder.name}-{self.trial_id}")
            self._held.enter_context(RunFolder(folder).owned())
        return folder

    def cleanup(self) -> None:
        """Called by Ray at the end of an actor."""
        self._held.close()

    def step(self) -> dict[str, Any]:
        """The next epoch; the result is that of the best one so far."""
        over = next(self._epochs, None) is None
        history = self._trainer.history
        best = {name: getattr(best_epoch(history), name) for name in ("accuracy", "depth", "value")}
        result = {**best, "epochs": len(history)}
        RunFolder(self._folder).write("trial.json", {"options": self._chosen, **result})
        return {**result, "done": over}


def tune_predictor(
    run: Location,
    config: TrainConfig,
    tuning: PredictorTuneConfig,
    cluster: ClusterConfig,
    out: Path,
) -> list[dict[str, Any]]:
    """Try `tuning.trials` trainings, or go on with what is there; write the best as options.

    Args:
        run: The run folder that has the labels.
        config: What is the same for all trials.
        tuning: How many, and what differs.
        cluster: Where trials run, one a worker.
        out: The folder, seen by all nodes.

    Returns:
        Options and result of each training, the best first.

    Raises:
        ConfigError: A hyper-parameter that there is not, or a value that it cannot have.
        PolarSearchError: As `train`, and as `search_on_cluster`.
    """
    space = hyper_space(config, tuning.hyper)
    _labels(run, config)  # a run that has none is refused before anything is started
    run, out = place_of(run).absolute(), out.absolute()
    if config.device == "auto" and not cluster.gpus_per_worker:
        config = replace(config, device="cpu")
    folder = RunFolder(out)
    with folder.owned(), connected(cluster):
        _begin(folder, {"labels of": str(run), **config.fixed(), "hyper": dict(tuning.hyper)})
        most = config.epochs + config.reinforce_epochs + 2  # each stage tells its start, too
        study = Study(
            name=STUDY,
            journal=out / "optuna.log",
            trials=tuning.trials,
            space=space,
            goals={"value": "max"},
            seed=config.seed,
            line=_line,
            early=ASHAScheduler("epochs", "value", "max", max_t=most, grace_period=2),
        )
        training = tune.with_parameters(PredictorTraining, base=config, run=run, out=out)
        run_trials(study, training, cluster)
        found = [json.loads(p.read_text()) for p in (out / TRIALS).glob("*/trial.json")]
        found.sort(key=lambda trial: (-trial["value"], name_of(trial["options"])))
        best = asdict(replace(config, **found[0]["options"]))
        (out / BEST).write_text(yaml.safe_dump(best, sort_keys=False), encoding="utf-8")
    return found


def _begin(folder: RunFolder, options: dict[str, Any]) -> None:
    """Record what the trials have in common, or see that it is the same."""
    before, now = folder.read("study.json"), json.loads(json.dumps(options))
    if before is None:
        folder.write("study.json", now)
    elif before != now:
        differ = [name for name in now if now[name] != before.get(name)]
        raise RunError(
            f"expected the options that '{folder.place}' was begun with, received another "
            f"{', '.join(differ)}; choose a new folder with --out"
        )


def _labels(run: Location, config: TrainConfig) -> LabelSet:
    return read_labels(run, config.weighting, config.max_programs, config.max_repeats, config.level)


def _line(result: Mapping[str, Any]) -> str:
    return (
        f"trainings: value {result['value']:.3f}, {result['accuracy']:.1%} of the validation "
        f"examples at depth {result['depth']:.2f} in {result['epochs']} epochs"
    )


def name_of(options: Mapping[str, Any]) -> str:
    """A name for a set of hyper-parameters."""
    text = json.dumps(dict(options), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def hyper_space(config: TrainConfig, hyper: Mapping[str, Any]) -> dict[str, BaseDistribution]:
    """The hyper-parameters as Optuna has them.

    A list is a choice; a mapping with `low` and `high`, and maybe `log`, is a range.

    Raises:
        ConfigError: There is no such option, it is none to tune, or cannot have such a value.
    """
    if not hyper:
        raise ConfigError("expected --hyper with options to try, received none; name some")
    for name in hyper:
        if name in JUDGES:
            raise ConfigError(
                f"expected options that trials may differ in, received {name} in --hyper, which "
                "they are compared by; set it for all of them instead"
            )
    space = {name: _distribution(name, values) for name, values in hyper.items()}
    for name, distribution in space.items():
        for end in _ends(distribution):
            replace(config, **checked_options("the training", TrainConfig, {name: end}))
    return space


def _distribution(name: str, values: Any) -> BaseDistribution:  # noqa: ANN401
    match values:
        case [*choices] if choices:
            return CategoricalDistribution(choices)
        case {"low": int() as low, "high": int() as high, **rest} if low <= high:
            return IntDistribution(low, high, log=bool(rest.get("log")))
        case {"low": float() | int() as low, "high": float() | int() as high, **rest} if (
            low <= high and not (rest.get("log") and low <= 0)
        ):
            return FloatDistribution(low, high, log=bool(rest.get("log")))
    raise ConfigError(
        f"expected {name} in --hyper to be a list, or a mapping with low and high (numbers, above "
        f"0 with log: true), received {values!r}; correct it"
    )


def _ends(distribution: BaseDistribution) -> tuple[Any, ...]:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return (distribution.low, distribution.high)
