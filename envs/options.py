"""What an environment is made of: the keyword arguments of `gymnasium.make`, in one dataclass."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from polar_search.errors import ConfigError
from polar_search.execution import ProgramEngine
from polar_search.program import ProgramSpace
from polar_search.search.config import space_of
from polar_search.tasks import Split, Task

Encoder = Callable[[list[str]], Any]
"""Turns prompts into vectors of floats, [prompts, width], as many sentence encoders do."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class EnvOptions:
    """Options of the environment, single or vector.

    Attributes:
        model: Registry name, Hub id or local folder; or an engine that is already loaded.
        task: Registry name or import path; or a task.
        task_options: Options of a task that is named.
        split: Examples of the episodes: train, val or test.
        levels: Levels of the examples; None for all.
        limit: Examples of each level at most; None for all.
        max_segment: Layers of a segment at most.
        max_repeats: Executions of a segment at most.
        max_edits: Segments not kept at most; None for any number.
        max_depth: Executed layers at most; None for any number.
        segmentation: Lengths of fixed segments, or one length for all; None for free.
        correct_reward: Reward of a right answer; a wrong one has 0.
        depth_penalty: Taken from the reward for each D executed layers, lambda.
        invalid_reward: Reward of an episode that an action ends which is not allowed.
        encoder: Turns prompts into the vectors that are observed: a function; or ``base:N``, the
            mean over the tokens of the frozen model's hidden states behind N layers (of its own
            token embeddings for N = 0); or an encoder of the Hub or a folder, whose last hidden
            states are averaged.
        remember: Outcomes that are kept, so that a program executed on an example is not executed
            on it again; 0 for none.
        max_new_tokens: Length of an answer at most; None is the task's own.
        device: cpu, cuda, ...; auto takes a GPU if there is one.
        dtype: Of the weights.
    """

    model: str | Path | ProgramEngine = "bundled"
    task: str | Task = "tracking"
    task_options: Mapping[str, Any] | None = None
    split: Split = "train"
    levels: Sequence[int] | None = None
    limit: int | None = None

    max_segment: int = 4
    max_repeats: int = 2
    max_edits: int | None = 2
    max_depth: int | None = None
    segmentation: Sequence[int] | int | None = None

    correct_reward: float = 1.0
    depth_penalty: float = 0.1
    invalid_reward: float = -1.0
    encoder: str | Encoder = "base:0"
    remember: int = 2**16

    max_new_tokens: int | None = None
    device: str = "auto"
    dtype: str = "auto"

    def __post_init__(self) -> None:
        """Checks what nothing else will.

        Raises:
            ConfigError: A value cannot work.
        """
        self._check_kinds()
        for name in ("correct_reward", "depth_penalty", "invalid_reward"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not math.isfinite(value):
                raise ConfigError(
                    f"expected {name} to be a finite number, received {value!r}; give one"
                )
        for name, least in (("remember", 0), ("limit", 1), ("max_new_tokens", 1)):
            value = getattr(self, name)
            missing = value is None and name != "remember"
            if not missing and not (isinstance(value, int) and value >= least):
                raise ConfigError(
                    f"expected {name} to be an integer of {least} or more, received {value!r}; "
                    "give such a number"
                )

    def _check_kinds(self) -> None:
        """Checks what may be a name or something else."""
        encodes = isinstance(self.encoder, str) or callable(self.encoder)
        levels = self.levels is None or isinstance(self.levels, list | tuple)
        for name, right, wanted in (
            ("model", isinstance(self.model, str | Path | ProgramEngine), "a name or an engine"),
            ("task", isinstance(self.task, str | Task), "a name or a task"),
            ("encoder", encodes, "a name or a function"),
            ("levels", levels, "a list"),
        ):
            if not right:
                raise ConfigError(
                    f"expected {name} to be {wanted}, received {getattr(self, name)!r}; give one"
                )

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> EnvOptions:
        """The options of a call.

        Raises:
            ConfigError: An option is unknown, or has a value that cannot work.
        """
        known = [field.name for field in fields(cls)]
        for name in options:
            if name not in known:
                raise ConfigError(
                    f"expected options of the environment ({', '.join(known)}), received "
                    f"'{name}'; correct the name"
                )
        return cls(**options)

    def space(self, num_layers: int) -> ProgramSpace:
        """The programs that episodes may end with, on a model of `num_layers` layers."""
        return space_of(self, num_layers)
