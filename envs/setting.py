"""Where episodes take place: model, task and program space, and the evaluation at their end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from gymnasium import spaces

from polar_search.errors import ConfigError, TaskError
from polar_search.execution import ProgramEngine
from polar_search.models import locate
from polar_search.program import Program
from polar_search.search.evaluation import Evaluator
from polar_search.search.outcome import Outcome
from polar_search.tasks import Example, Task, load_task

from .options import Array, EnvOptions
from .prompts import encoded, mean_token_embedding

Key = tuple[str, Program]
"""The example's id and the program of an outcome."""

_ENGINES: WeakValueDictionary[tuple[str, str, str], ProgramEngine] = WeakValueDictionary()
"""Engines in use, by source, device and dtype: the environments of a process share a model."""


class Setting:
    """Everything about an environment but the episodes themselves.

    A pickled setting has the name of its model and not the model, which is loaded again when it is
    first needed; the outcomes it remembers travel along.

    Attributes:
        options: What it was made from.
        task: Gives prompts and grades.
        examples: The examples that episodes are drawn from.
        space: The programs that episodes may end with.
        actions: Their numbered decisions.
        observation_space: Of one episode.
        action_space: Of one episode.
    """

    def __init__(self, options: EnvOptions) -> None:
        """Load task and model.

        Raises:
            PolarSearchError: Something cannot be loaded, or the options leave no example or
                program.
        """
        self.options = options
        task = options.task
        self.task = load_task(task, options.task_options) if isinstance(task, str) else task
        self.examples = _chosen(self.task, options)
        self._by_id = {example.id: example for example in self.examples}
        self._prompts: dict[str, Array] = {}
        self._memory: dict[Key, Outcome] = {}
        self._evaluator: Evaluator | None = None
        self.num_layers = self.engine.num_layers
        self.space = options.space(self.num_layers)
        self.actions = self.space.actions
        self.action_space = spaces.Discrete(len(self.actions))
        self._width = len(self.prompt(self.examples[0]))
        self.observation_space = self._observation_space()

    def _observation_space(self) -> spaces.Dict:
        """Boxes of fixed size; `polar_search.envs.episode` fills them."""
        bound, layers = float(np.sqrt(self._width)), (self.num_layers,)
        most = float(self.space.max_repeats)
        return spaces.Dict(
            {
                "prompt": spaces.Box(-bound, bound, (self._width,), np.float32),
                "executions": spaces.Box(-1.0, most, layers, np.float32),
                "starts": spaces.Box(0.0, 1.0, layers, np.float32),
                "position": spaces.Box(0.0, 1.0, (1,), np.float32),
                "depth": spaces.Box(0.0, most, (1,), np.float32),
            }
        )

    @property
    def engine(self) -> ProgramEngine:
        """Executes the programs; loaded when it is first needed."""
        return self._evaluation().engine

    def _evaluation(self) -> Evaluator:
        if self._evaluator is None:
            engine = _engine(self.options, self.task)
            self._evaluator = Evaluator(engine, self.task, self.options.max_new_tokens)
        return self._evaluator

    def example(self, example_id: str) -> Example:
        """The example of an id.

        Raises:
            TaskError: It is not among the examples of the environment.
        """
        example = self._by_id.get(example_id)
        if example is None:
            raise TaskError(
                f"expected the id of one of {len(self.examples)} examples of split "
                f"'{self.options.split}', such as '{self.examples[0].id}', received "
                f"{example_id!r}; see env.unwrapped.setting.examples"
            )
        return example

    def prompt(self, example: Example) -> Array:
        """The embedding of an example's prompt, of shape [width] and unit root mean square."""
        vector = self._prompts.get(example.id)
        if vector is None:
            encoder = self.options.encoder or partial(mean_token_embedding, self.engine)
            vector = encoded(encoder, self.task.prompt(example, self.engine.tokenizer))
            first = next(iter(self._prompts.values()), vector)
            if vector.shape != first.shape:
                raise ConfigError(
                    f"expected vectors of {len(first)} numbers from the encoder, received "
                    f"{len(vector)} for example '{example.id}'; return one length for all prompts"
                )
            self._prompts[example.id] = vector
        return vector

    def evaluate(self, example_ids: Sequence[str], programs: Sequence[Program]) -> list[Outcome]:
        """The outcomes of programs on examples, one of each for every row, in their order.

        What is not remembered is executed in one engine batch, and what comes twice once. The
        programs need not be of the environment's space.

        Raises:
            TaskError: An id is not among the examples of the environment.
            ConfigError: There are not as many programs as examples.
            ProgramError: A program is for another model.
        """
        if len(example_ids) != len(programs):
            raise ConfigError(
                f"expected a program for each of {len(example_ids)} examples, received "
                f"{len(programs)}; repeat the id of an example with several programs"
            )
        keys = list(zip(example_ids, programs, strict=True))
        found = {key: self._memory[key] for key in keys if key in self._memory}
        unknown = [key for key in dict.fromkeys(keys) if key not in found]
        if unknown:
            jobs = [(self.example(example_id), program) for example_id, program in unknown]
            found.update(zip(unknown, self._evaluation().evaluate(jobs), strict=True))
        self._remember(found.items())
        return [found[key] for key in keys]

    def _remember(self, outcomes: Iterable[tuple[Key, Outcome]]) -> None:
        """Keeps the outcomes used last; a dictionary keeps the order."""
        for key, outcome in outcomes:
            self._memory.pop(key, None)
            self._memory[key] = outcome
        for key in list(self._memory)[: max(0, len(self._memory) - self.options.remember)]:
            del self._memory[key]

    def reward(self, outcome: Outcome) -> float:
        """The reward of an outcome: for the verdict, less lambda x depth / D."""
        depth = outcome.program.depth / self.num_layers
        right = self.options.correct_reward if outcome.correct else 0.0
        return float(right - self.options.depth_penalty * depth)

    def __getstate__(self) -> dict[str, Any]:
        if isinstance(self.options.model, ProgramEngine):
            raise ConfigError(
                "expected an environment that was made from the name of a model, received one with "
                "an engine in it; name the model (a folder will do) to pickle the environment"
            )
        return self.__dict__ | {"_evaluator": None}


def _engine(options: EnvOptions, task: Task) -> ProgramEngine:
    """The engine of the options: the one given, one in use in this process, or a new one."""
    if isinstance(options.model, ProgramEngine):
        return options.model
    source = locate(options.model, task)
    key = (source, options.device, options.dtype)
    engine = _ENGINES.get(key)
    if engine is None:
        engine = ProgramEngine.from_pretrained(source, device=options.device, dtype=options.dtype)
        _ENGINES[key] = engine
    return engine


def _chosen(task: Task, options: EnvOptions) -> list[Example]:
    """The examples of the split and the levels, at most `limit` of each level."""
    examples = task.examples(options.split)
    found = sorted({example.level for example in examples})
    levels = found if options.levels is None else sorted(set(options.levels))
    if not levels or not set(levels) <= set(found):
        raise TaskError(
            f"expected levels of split '{options.split}' of task '{task.name}' "
            f"({', '.join(map(str, found)) or 'it is empty'}), received {options.levels}; "
            "change levels or split"
        )
    chosen: list[Example] = []
    for level in levels:
        chosen += [example for example in examples if example.level == level][: options.limit]
    return chosen
