"""All options of a search, in one dataclass that feeds Python, the command line and YAML."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from polar_search.errors import ConfigError
from polar_search.program import ProgramSpace
from polar_search.tasks import Example, Split


def option(default: Any, help: str, *, grows: bool = False) -> Any:  # noqa: A002, ANN401
    """A field with its help text; one that `grows` may differ when a run is continued.

    Whatever outcomes depend on must not differ: they would not be comparable.
    """
    metadata = {"help": help, "grows": grows}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


OnAgentError = Literal["continue", "stop"]
POSITIVE = (
    *("limit", "budget", "ask_batch", "chunk", "stop_after_valid", "stop_after_shorter"),
    *("max_new_tokens", "rows", "threads"),
)
"""Options that are counts of something."""
SPACE = ("max_segment", "max_repeats", "max_edits", "max_depth", "segmentation")
"""Options of the program space."""
DECIDE_WHAT_IS_ASKED = ("agent", "agent_options", "seed", "ask_batch", *SPACE)


@dataclass(frozen=True)
class Budget:
    """How much is asked, of whom, at once.

    Attributes:
        programs: Programs an example, the identity not counted; None asks until the agent is done.
        ask_batch: Programs asked of one agent at a time, and told together.
        rows: Rows of one evaluation at most (`ask_batch` or more); the more fit, the more examples
            are in work.
        chunk: Examples that an agent of dataset scope is told of at a time.
        stop_after_valid: Valid programs that are enough for an example, the identity not counted.
        stop_after_shorter: Valid programs below the model's depth that are enough for an example.
        ask_seconds: Time that an agent may take for one answer; None for any.
    """

    programs: int | None = None
    ask_batch: int = 16
    rows: int = 1024
    chunk: int = 64
    stop_after_valid: int | None = None
    stop_after_shorter: int | None = None
    ask_seconds: float | None = None

    @property
    def examples_in_work(self) -> int:
        """How many examples are searched side by side."""
        return self.rows // self.ask_batch


@dataclass(frozen=True)
class SearchConfig:
    """A search: model, task, agent, program space, budget and seed."""

    model: str = option("bundled", "registry name, Hub id or local folder")
    task: str = option("tracking", "registry name or import path package.module:Class")
    task_options: Mapping[str, Any] = option({}, "the task's own options, see `list`")
    agent: str = option(
        "exhaustive", "registry name or import path package.module:Class", grows=True
    )
    agent_options: Mapping[str, Any] = option({}, "the agent's own options, see `list`", grows=True)
    split: Split = option("train", "examples to search: train, val or test")
    level: tuple[int, ...] | None = option(
        None, "levels to search, such as [1,3]; all by default", grows=True
    )
    limit: int | None = option(None, "examples of each level at most", grows=True)
    budget: int | None = option(None, "programs an example, the identity not counted", grows=True)
    seed: int = option(0, "seed of everything random", grows=True)
    ask_batch: int = option(16, "programs asked of one agent at a time", grows=True)
    chunk: int = option(
        64, "examples that an agent of dataset scope is told of at a time", grows=True
    )
    stop_after_valid: int | None = option(
        None, "valid programs that are enough for an example, the identity not counted", grows=True
    )
    stop_after_shorter: int | None = option(
        None, "valid programs below the model's depth that are enough for an example", grows=True
    )
    on_agent_error: OnAgentError = option(
        "continue", "when an agent fails: continue with the other examples, or stop", grows=True
    )
    ask_seconds: float | None = option(
        300.0, "time that an agent may take for one answer; null for any", grows=True
    )

    max_segment: int = option(4, "layers of a segment at most")
    max_repeats: int = option(2, "executions of a segment at most")
    max_edits: int | Literal["auto"] | None = option(
        "auto",
        "segments not kept at most; null for any number; auto is what the agent is used to: 3 for "
        "random, 2 for the others",
        grows=True,
    )
    max_depth: int | None = option(None, "executed layers at most", grows=True)
    segmentation: tuple[int, ...] | None = option(
        None, "lengths of fixed segments, such as [4,4,4]; free by default", grows=True
    )

    max_new_tokens: int | None = option(None, "length of an answer at most; the task's by default")
    device: str = option("auto", "cpu, cuda, cuda:1, ...; auto takes a GPU if there is one")
    device_map: Mapping[str, int | str] | str | None = option(
        None, "for models larger than one GPU, in place of device: auto, or a device for each part"
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = option("auto", "of the weights")
    settle: bool = option(
        False,
        "end answers as soon as they can only be wrong, and store no texts, so that statistics "
        "have no luck: true or false",
    )
    confirm: bool = option(
        False,
        "run what is valid again, alone, and report how much changes: true or false",
        grows=True,
    )
    rows: int = option(1024, "rows of one evaluation at most", grows=True)
    threads: int | None = option(
        None, "CPU threads of torch; its own choice by default", grows=True
    )

    def __post_init__(self) -> None:
        if self.max_edits == "auto":
            from polar_search.search.agent import AGENTS

            object.__setattr__(self, "max_edits", AGENTS.load(self.agent).usual_edits)
        for name in POSITIVE:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(
                    f"expected {flag(name)} of at least 1, received {value}; raise it"
                )
        if self.ask_seconds is not None and not self.ask_seconds > 0:
            raise ConfigError(
                f"expected --ask-seconds above 0, received {self.ask_seconds}; raise it, or give "
                "null for no limit"
            )
        if self.settle and self.confirm:
            raise ConfigError(
                "expected --settle or --confirm, received both; a confirmation compares texts, "
                "which a search with --settle does not store: leave one out"
            )
        if self.rows < self.ask_batch:
            raise ConfigError(
                f"expected --rows of at least --ask-batch ({self.ask_batch}), since a batch is "
                f"evaluated whole, received {self.rows}; raise --rows or lower --ask-batch"
            )

    def space(self, num_layers: int) -> ProgramSpace:
        """The program space on a model of `num_layers` layers."""
        return space_of(self, num_layers)

    def run_budget(self) -> Budget:
        """How much the driver asks."""
        return Budget(
            self.budget,
            self.ask_batch,
            self.rows,
            self.chunk,
            self.stop_after_valid,
            self.stop_after_shorter,
            self.ask_seconds,
        )

    def to_dict(self) -> dict[str, Any]:
        """All options as plain JSON values."""
        values = asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    def agent_fingerprint(self, examples: Sequence[Example] | None = None) -> str:
        """16 hexadecimal digits that change with anything that changes what the agents ask.

        Args:
            examples: Those that an agent of dataset scope is told of; None in example scope.
        """
        values = self.to_dict()
        decisive: dict[str, Any] = {name: values[name] for name in DECIDE_WHAT_IS_ASKED}
        if examples is not None:
            decisive |= {"chunk": self.chunk, "examples": [example.id for example in examples]}
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]

    def fixed(self) -> dict[str, Any]:
        """The options that must stay the same when a run is continued."""
        values = self.to_dict()
        return {f.name: values[f.name] for f in fields(self) if not f.metadata["grows"]}


def space_of(options: object, num_layers: int) -> ProgramSpace:
    """The program space that `options` with the attributes `SPACE` state."""
    return ProgramSpace(num_layers, **{name: getattr(options, name) for name in SPACE})


def flag(name: str) -> str:
    """How an option is written on the command line."""
    return "--" + name.replace("_", "-")
