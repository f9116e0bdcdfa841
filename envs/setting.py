"""Where episodes take place: model, task and program space, and the evaluation at their end."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from gymnasium import spaces

from polar_search.errors import ConfigError, ProgramError, TaskError
from polar_search.execution import ProgramEngine
from polar_search.models import locate
from polar_search.program import Program
from polar_search.search.evaluation import Evaluator
from polar_search.search.outcome import Outcome
from polar_search.tasks import Example, Task, chosen_examples, load_task

from .options import Array, Encoder, EnvOptions
from .prompts import encoded, pooled

Key = tuple[str, Program]
"""The example's id and the program of an outcome."""

_ENGINES: WeakValueDictionary[tuple[str, str, str], ProgramEngine] = WeakValueDictionary()
"""Engines in use, by source, device and dtype: the environments of a process share a model."""


class Setting:
    """Everything about an environment but the episodes themselves.

    A pickled setting has the names of model and encoder, which are loaded again when they are first
    needed; the outcomes it remembers travel along.

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
        self.examples = chosen_examples(self.task, options.split, options.levels, options.limit)
        self._by_id = {example.id: example for example in self.examples}
        self._prompts: dict[str, Array] = {}
        self._memory: OrderedDict[Key, Outcome] = OrderedDict()
        self._evaluator: Evaluator | None = None
        self._encoder: Encoder | None = None
        self.num_layers = self.engine.num_layers
        self.space = options.space(self.num_layers)
        self.actions = self.space.actions
        self.action_space = spaces.Discrete(len(self.actions))
        [prompt] = self.prompts(self.examples[:1])
        self.observation_space = self._observation_space(len(prompt))

    def _observation_space(self, width: int) -> spaces.Dict:
        """Boxes of fixed size; `polar_search.envs.episode` fills them."""
        bound, layers = float(np.sqrt(width)), (self.num_layers,)
        most = float(self.space.max_repeats)
        return spaces.Dict(
            {
                "prompt": spaces.Box(-bound, bound, (width,), np.float32),
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
        example = self._by_id.get(example_id) if isinstance(example_id, str) else None
        if example is None:
            raise TaskError(
                f"expected the id of one of {len(self.examples)} examples of split "
                f"'{self.options.split}', such as '{self.examples[0].id}', received "
                f"{example_id!r}; see env.unwrapped.setting.examples"
            )
        return example

    def prompts(self, examples: Sequence[Example]) -> list[Array]:
        """The embeddings of examples' prompts, each [width] and of unit root mean square.

        Those that were not asked for before are encoded as one batch.
        """
        new = list({e.id: e for e in examples if e.id not in self._prompts}.values())
        if new:
            if self._encoder is None:
                named = self.options.encoder
                self._encoder = pooled(named, self.engine) if isinstance(named, str) else named
            texts = [self.task.prompt(example, self.engine.tokenizer) for example in new]
            vectors = encoded(self._encoder, texts)
            width = len(next(iter(self._prompts.values()), vectors[0]))
            if vectors.shape[1] != width:
                raise ConfigError(
                    f"expected vectors of {width} numbers from the encoder, received "
                    f"{vectors.shape[1]} for example '{new[0].id}'; return one length for all"
                )
            self._prompts.update(zip((e.id for e in new), vectors, strict=True))
        return [self._prompts[example.id] for example in examples]

    def evaluate(self, example_ids: Sequence[str], programs: Sequence[Program]) -> list[Outcome]:
        """The outcomes of programs on examples, one of each for every row, in their order.

        What is not remembered is executed in one engine batch, and what comes twice once. The
        programs need not be of the environment's space.

        Raises:
            TaskError: An id is not among the examples of the environment.
            ConfigError: There are not as many programs as examples.
            ProgramError: A program is none, or for another model.
        """
        if len(example_ids) != len(programs):
            raise ConfigError(
                f"expected a program for each of {len(example_ids)} examples, received "
                f"{len(programs)}; repeat the id of an example with several programs"
            )
        for program in programs:
            if not isinstance(program, Program):
                raise ProgramError(
                    f"expected programs, received {program!r}; make one with Program.parse or "
                    "Program.from_path"
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
        """Keeps the outcomes used last."""
        for key, outcome in outcomes:
            self._memory[key] = outcome
            self._memory.move_to_end(key)
        while len(self._memory) > self.options.remember:
            self._memory.popitem(last=False)

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
        return self.__dict__ | {"_evaluator": None, "_encoder": None}


def _engine(options: EnvOptions, task: Task) -> ProgramEngine:
    """The engine of the options: the one given, one in use in this process, or a new one."""
    if isinstance(options.model, ProgramEngine):
        return options.model
    source = locate(str(options.model), task)
    key = (source, options.device, options.dtype)
    engine = _ENGINES.get(key)
    if engine is None:
        engine = ProgramEngine.from_pretrained(source, device=options.device, dtype=options.dtype)
        _ENGINES[key] = engine
    return engine
