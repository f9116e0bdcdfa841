"""Where a search runs, which changes nothing of what is found; and what Ray Tune tries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from polar_search.errors import ConfigError
from polar_search.search.config import option


@dataclass(frozen=True)
class ClusterConfig:
    """Workers of a search, and what each of them takes."""

    cluster: str | None = option(
        None,
        "auto (the Ray cluster of this machine or job), local (one just for this search) or the "
        "address HOST:PORT of a Ray head; by default the search runs in this process",
    )
    workers: int = option(1, "workers of the cluster, each with a model of its own")
    gpus_per_worker: float = option(0.0, "GPUs that a worker takes, such as 1 or 0.5")
    cpus_per_worker: float = option(1.0, "CPUs that a worker takes")
    tensorboard: str | None = option(None, "folder for a TensorBoard log of a cluster's progress")

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ConfigError(
                f"expected --workers of at least 1, received {self.workers}; raise it"
            )
        for name in ("gpus", "cpus"):
            value = getattr(self, f"{name}_per_worker")
            # Ray shares out parts of one device, never one and a half.
            if value < 0 or (value > 1 and value != int(value)):
                raise ConfigError(
                    f"expected --{name}-per-worker of a part of one (such as 0.5) or a whole "
                    f"number, received {value}; round it"
                )
        if self.cluster is None and (self.workers > 1 or self.gpus_per_worker):
            raise ConfigError(
                "expected --cluster with --workers or --gpus-per-worker, received none; "
                "add --cluster local"
            )

    def resources(self) -> dict[str, float]:
        """What one worker takes, by Ray's names."""
        wanted = {"CPU": self.cpus_per_worker, "GPU": self.gpus_per_worker}
        return {name: amount for name, amount in wanted.items() if amount}


@dataclass(frozen=True)
class TuneConfig:
    """A search for static programs.

    Attributes:
        objective: `value` is the share of answered examples times one minus the price of depth, and
            bad programs are stopped early. `pareto` is share and depth apart; nothing is stopped,
            since that would end the shallow programs, which answer less, first.
    """

    trials: int = option(100, "programs to try, those of earlier runs of the command included")
    objective: Literal["value", "pareto"] = option(
        "pareto", "value: one number, bad programs are stopped early; pareto: accuracy and depth"
    )
    depth_price: float = option(
        0.1, "of value: what executing as many layers as the model has costs, as a share of it"
    )

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise ConfigError(f"expected --trials of at least 1, received {self.trials}; raise it")


@dataclass(frozen=True)
class PredictorTuneConfig:
    """A search for the hyper-parameters of a predictor."""

    trials: int = option(20, "trainings to try, those of earlier runs of the command included")
    hyper: Mapping[str, Any] = option(
        {},
        "what they differ in: options of `train` with a list to choose from, or {low, high, log}",
    )

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise ConfigError(f"expected --trials of at least 1, received {self.trials}; raise it")
