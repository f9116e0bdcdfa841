"""A trained predictor as a search strategy: the likeliest programs first."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from polar_search.errors import PredictorError
from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import Agent, Context

if TYPE_CHECKING:
    from polar_search.predictor.distribution import PathDistribution
    from polar_search.predictor.predictor import Predictor
    from polar_search.tasks import Task

AHEAD = 64
"""Programs ranked at first; twice as many each time that they run out."""


class PredictorAgent(Agent):
    """The programs of the space in the order of a trained predictor, the exact one."""

    def __init__(self, space: ProgramSpace, seed: int, folder: str = "runs/predictor") -> None:
        """Nothing is loaded before `prepare`.

        Args:
            space: What may be proposed.
            seed: Of no use here.
            folder: Of a predictor, as `polar-search train` makes it.
        """
        super().__init__(space, seed)
        self._folder = folder
        self._ranked: list[Program] = []
        self._next = 0

    def prepare(self, context: Context) -> None:
        """Read the example's distribution.

        Raises:
            PredictorError: No predictor, or one for another number of layers.
        """
        self._distribution = self.distribution(context)
        if self._distribution.num_layers != self.space.num_layers:
            raise PredictorError(
                f"expected a predictor for {self.space.num_layers} layers, received "
                f"'{self._folder}' for {self._distribution.num_layers}; name one for this model"
            )

    def distribution(self, context: Context) -> PathDistribution:
        """The predictor's distribution for the example."""
        from polar_search.tasks import Example

        predictor, task, tokenizer = loaded(self._folder)
        example = Example(context.example_id, 1, context.question, "")
        encodings = predictor.encoder.encode([task.prompt(example, tokenizer)])
        return predictor.distribution(encodings)

    def ask(self, n: int) -> list[Program]:
        """The next likeliest programs of the space; fewer where the predictor knows no more."""
        while len(self._ranked) < self._next + n and self._extend():
            pass
        asked = self._ranked[self._next : self._next + n]
        self._next += len(asked)
        return asked

    def _extend(self) -> bool:
        """Rank more programs; whether there were any."""
        from polar_search.predictor.decoding import top_paths

        before = len(self._ranked)
        wanted = max(AHEAD, 2 * before)
        [ranked] = top_paths(self._distribution, wanted + 1, self.space)
        standard = Program.identity(self.space.num_layers)
        programs = [program for program, _ in ranked if program != standard]
        self._ranked += programs[before:]
        return len(self._ranked) > before


@lru_cache(maxsize=2)
def loaded(folder: str) -> tuple[Predictor, Task, object]:
    """A predictor with its task and tokenizer, once for all examples of a process."""
    from pathlib import Path

    from polar_search.execution import ProgramEngine
    from polar_search.models import locate
    from polar_search.predictor.predictor import Predictor, read_config
    from polar_search.tasks import load_task

    origin, _ = read_config(Path(folder))
    task = load_task(origin.task, origin.task_options)
    engine = ProgramEngine.from_pretrained(locate(origin.model, task), dtype=origin.dtype)
    return Predictor.from_pretrained(folder, engine), task, engine.tokenizer
