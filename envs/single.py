"""The environment: an episode is one example, a step decides the next segment of its program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded

from polar_search.errors import ConfigError
from polar_search.program import Program
from polar_search.search.outcome import Outcome

from .episode import Episode, Observation, settle
from .options import Array, EnvOptions
from .rendering import RENDER_MODES, Frame, check_render_mode, render
from .setting import Setting


class ProgramOfLayersEnv(gymnasium.Env[Observation, np.int64]):
    """Write a program of layers for an example, and be rewarded for what it answers.

    Actions, observations and rewards are described in docs/environment.md; `EnvOptions` has the
    options. `reset(options={"example_id": ...})` chooses the example.

    Attributes:
        setting: Model, task and program space.
    """

    metadata = {"render_modes": list(RENDER_MODES), "render_fps": 4}  # noqa: RUF012

    def __init__(self, *, render_mode: str | None = None, **options: Any) -> None:  # noqa: ANN401
        """Load what the options name; see `EnvOptions`.

        Raises:
            PolarSearchError: An option is unknown or cannot work.
        """
        self.render_mode = check_render_mode(render_mode)
        self.setting = Setting(EnvOptions.of(options))
        self.observation_space = self.setting.observation_space
        self.action_space = self.setting.action_space
        self._episode: Episode | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode with an example drawn at random, or the one of `options`.

        Raises:
            ConfigError: An option is unknown.
            TaskError: There is no such example.
        """
        super().reset(seed=seed)
        check_reset_options(options, known=("example_id",))
        examples = self.setting.examples
        if options and "example_id" in options:
            example = self.setting.example(options["example_id"])
        else:
            example = examples[int(self.np_random.integers(len(examples)))]
        self._episode = Episode(self.setting, example)
        return self._episode.observation(), self._episode.info()

    def step(self, action: object) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Decide the next segment; the last one has the program executed and graded.

        Raises:
            gymnasium.error.ResetNeeded: The episode is over.
        """
        episode, reward = self._episode, 0.0
        told: dict[str, Any] = {}
        if episode is None or episode.over:
            raise ResetNeeded("expected an episode, received a step after its end; call reset()")
        episode.act(action)
        if episode.over:
            [(reward, told)] = settle(self.setting, [episode])
        return episode.observation(), reward, episode.over, False, episode.info() | told

    def action_masks(self) -> Array:
        """Which actions are allowed now, bool of [actions]; the name sb3-contrib asks for."""
        if self._episode is None:
            raise ResetNeeded("expected an episode, received none; call reset()")
        return self._episode.mask().astype(bool)

    def evaluate(self, example_ids: Sequence[str], programs: Sequence[Program]) -> list[Outcome]:
        """Outcomes of whole programs, without steps; see `Setting.evaluate`."""
        return self.setting.evaluate(example_ids, programs)

    def reward(self, outcome: Outcome) -> float:
        """The reward of an episode with such an outcome."""
        return self.setting.reward(outcome)

    def render(self) -> Frame | None:
        """The program so far as coloured layers: text, or an image of [height, width, 3]."""
        if self._episode is None:
            return None
        return render(self._episode, self.render_mode)


def check_reset_options(options: Mapping[str, Any] | None, known: Sequence[str]) -> None:
    """Checks the names of `reset`'s options.

    Raises:
        ConfigError: One is unknown.
    """
    for name in options or ():
        if name not in known:
            raise ConfigError(
                f"expected options of reset ({', '.join(known)}), received {name!r}; "
                "correct the name"
            )
