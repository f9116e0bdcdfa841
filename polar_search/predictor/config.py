"""All options of a predictor's training, in one dataclass for Python, command line and YAML."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from polar_search.errors import ConfigError
from polar_search.search.config import flag, option

Loss = Literal["structure", "path", "contrast", "verdict"]

AT_LEAST = {
    **dict.fromkeys(("width", "batch", "samples", "max_programs", "patience", "val_limit"), 1),
    **dict.fromkeys(("epochs", "reinforce_epochs", "warmup"), 0),
    **dict.fromkeys(("depth_price", "entropy_bonus", "kl_price", "replay"), 0),
}


@dataclass(frozen=True)
class TrainConfig:
    """Labels, network, supervised training, REINFORCE."""

    encoder: str = option(
        "base:2", "base:N (the model's first N layers) or a Hugging Face encoder's name"
    )
    width: int = option(256, "width of the network; 4 divides it")
    weighting: Literal["paper", "uniform", "shortest", "first"] = option(
        "paper", "what each valid program of an example weighs"
    )
    max_programs: int = option(50, "valid programs of an example at most, the shallowest")
    max_repeats: int | None = option(None, "executions of a segment at most; the run's by default")
    level: tuple[int, ...] | None = option(None, "levels to learn from; all by default")
    loss: Loss = option(
        "structure",
        "likelihood of the canonical structure (paper), of the path in any, of any valid path "
        "(contrast), or expected verdict among what the run tried",
    )
    epochs: int = option(20, "supervised passes over the labels at most")
    batch: int = option(32, "examples of a step")
    lr: float = option(1e-3, "learning rate of the supervised stage")
    warmup: int = option(10, "steps until the learning rate is reached")
    val_limit: int | None = option(
        None, "validation examples of each level at most, to execute after each epoch"
    )
    patience: int = option(10, "epochs without a better validation before a stage ends")
    depth_price: float = option(0.0, "price of D executed layers, in accuracy, wherever they count")

    reinforce_epochs: int = option(0, "passes of REINFORCE after the supervised stage at most")
    reinforce_lr: float = option(3e-4, "learning rate of REINFORCE")
    samples: int = option(8, "programs drawn for an example in each step of REINFORCE")
    baseline: Literal["leave-one-out", "average"] = option(
        "leave-one-out", "what a reward is compared with: its siblings', or a running average"
    )
    entropy_bonus: float = option(0.0, "reward of a nat of entropy of the path distribution")
    kl_price: float = option(0.0, "price of a nat of divergence from the supervised start")
    replay: float = option(0.0, "weight of the supervised loss during REINFORCE")

    seed: int = option(0, "seed of everything random")
    device: str = option("auto", "cpu, cuda, cuda:1, ...; auto takes a GPU if there is one")
    threads: int | None = option(
        None, "CPU threads of torch; its own choice by default", grows=True
    )

    def __post_init__(self) -> None:
        for name, least in AT_LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(
                    f"expected {flag(name)} of at least {least}, received {value}; raise it"
                )
        if self.reinforce_epochs and self.baseline == "leave-one-out" and self.samples < 2:
            raise ConfigError(
                "expected --samples of at least 2, since each reward is compared with the others, "
                "received 1; raise it, or take --baseline average"
            )
        for name in ("lr", "reinforce_lr"):
            if not getattr(self, name) > 0:
                raise ConfigError(
                    f"expected {flag(name)} above 0, received {getattr(self, name)}; raise it"
                )

    def to_dict(self) -> dict[str, Any]:
        """All options as plain JSON values."""
        values = asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    def fixed(self) -> dict[str, Any]:
        """The options that must stay the same when a training is continued."""
        return {name: value for name, value in self.to_dict().items() if name != "threads"}
