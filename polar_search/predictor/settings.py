"""All options of an evaluation, in one dataclass for Python, command line and YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from polar_search.errors import ConfigError
from polar_search.search.config import flag, option
from polar_search.tasks import Split

Decoding = Literal["exact", "paper"]


@dataclass(frozen=True)
class EvaluateConfig:
    """What is evaluated, and on how much."""

    task: str | None = option(
        None, "another task to evaluate on, out of distribution; the predictor's own by default"
    )
    task_options: Mapping[str, Any] = option({}, "options of that task, see `list`")
    split: Split = option("test", "examples to evaluate: test, val or train")
    level: tuple[int, ...] | None = option(None, "levels to evaluate; all by default")
    limit: int | None = option(None, "examples of each level at most")
    k: int = option(5, "programs or samples an example at most")
    candidates: int = option(50, "often valid programs that menus are chosen among, on val")
    search: int = option(0, "candidates tried on every example, as the oracle of a search")
    temperatures: tuple[float, ...] = option((0.3, 0.7, 1.0), "of sampling, such as [0.7]")
    decoding: Decoding = option("exact", "exact, or the paper's threshold and beam")
    seed: int = option(0, "seed of random programs and samples")
    device: str = option("auto", "cpu, cuda, cuda:1, ...; auto takes a GPU if there is one")
    threads: int | None = option(None, "CPU threads of torch; its own choice by default")

    def __post_init__(self) -> None:
        for name in ("k", "candidates", "limit", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(
                    f"expected {flag(name)} of at least 1, received {value}; raise it"
                )
        if self.search < 0:
            raise ConfigError(f"expected --search of at least 0, received {self.search}; raise it")
        if not all(temperature > 0 for temperature in self.temperatures):
            raise ConfigError(
                f"expected --temperatures above 0, received {list(self.temperatures)}; greedy "
                "decoding is in the table already"
            )
