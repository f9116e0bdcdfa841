"""The vector form: B episodes advance together, and end together in one engine batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array

from polar_search.errors import ConfigError
from polar_search.program import Program
from polar_search.search.outcome import Outcome

from .episode import Episode, Observation, settle
from .options import Array, EnvOptions
from .rendering import RENDER_MODES, Frame, check_render_mode, render
from .setting import Setting
from .single import check_reset_options

Step = tuple[Observation, Array, Array, Array, dict[str, Any]]


class ProgramOfLayersVectorEnv(VectorEnv[Observation, Any, Array]):
    """B episodes side by side, whose programs are executed as one engine batch.

    All episodes of a round end in the same step, the one in which the last of them is decided.
    Until then an episode that is decided, or that an invalid action has ended, waits: its mask
    allows action 0 alone, which has no effect then, and ``info["waiting"]`` says so. What follows
    the end of a round is Gymnasium's ``autoreset_mode``: ``NextStep`` (the default; the step after
    resets all and ignores the actions), ``SameStep`` (the last step itself does, and has
    ``final_obs`` and ``final_info``) or ``Disabled``.

    Slot i of ``reset(seed=s)`` draws the examples of a single environment with seed s + i;
    ``reset(options={"example_ids": [...]})`` assigns them, to several slots the same if wanted.

    Attributes:
        setting: Model, task and program space.
    """

    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
        **options: Any,  # noqa: ANN401
    ) -> None:
        """Load what the options name; see `EnvOptions`.

        Raises:
            PolarSearchError: An option is unknown or cannot work.
        """
        if not isinstance(num_envs, int) or num_envs < 1:
            raise ConfigError(f"expected num_envs of 1 or more, received {num_envs!r}; raise it")
        self.num_envs = num_envs
        self.autoreset_mode = _mode(autoreset_mode)
        self.metadata = {
            "render_modes": list(RENDER_MODES),
            "render_fps": 4,
            "autoreset_mode": self.autoreset_mode,
        }
        self.render_mode = check_render_mode(render_mode)
        self.setting = Setting(EnvOptions.of(options))
        self.single_observation_space = self.setting.observation_space
        self.single_action_space = self.setting.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._generators = [seeding.np_random()[0] for _ in range(num_envs)]
        self._episodes: list[Episode] = []

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin a round, with examples drawn at random or those of `options`.

        Raises:
            ConfigError: An option is unknown, the ids are not as many as the episodes, or a
                ``reset_mask`` would reset only some of them.
            TaskError: There is no such example.
        """
        super().reset(seed=seed)
        if seed is not None:
            self._generators = [seeding.np_random(seed + i)[0] for i in range(self.num_envs)]
        self._begin(self._assigned(options or {}))
        return self._observation(), self._infos([{} for _ in self._episodes])

    def step(self, actions: Any) -> Step:  # noqa: ANN401
        """Decide the next segment of every episode.

        Args:
            actions: An action for each episode, [B]; ignored where an episode waits.

        Raises:
            ConfigError: There are not as many actions as episodes.
            gymnasium.error.ResetNeeded: The round is over and nothing resets it, or none began.
        """
        if not _are(self.num_envs, actions):
            raise ConfigError(
                f"expected {self.num_envs} actions, one an episode, received {actions!r}; "
                "give any action for those that wait"
            )
        nothing: list[tuple[float, dict[str, Any]]] = [(0.0, {})] * self.num_envs
        if self._episodes and self._over() and self.autoreset_mode is AutoresetMode.NEXT_STEP:
            self._begin(self._drawn())
            return self._result(nothing)
        if self._over():
            raise ResetNeeded("expected a round of episodes, received a step without; call reset()")
        for episode, action in zip(self._episodes, actions, strict=True):
            if not episode.over:
                episode.act(action)
        return self._result(settle(self.setting, self._episodes) if self._over() else nothing)

    def action_masks(self) -> Array:
        """Which actions are allowed now, bool of [B, actions]; the name sb3-contrib asks for."""
        if not self._episodes:
            raise ResetNeeded("expected a round of episodes, received none; call reset()")
        return np.stack([episode.mask() for episode in self._episodes]).astype(bool)

    def evaluate(self, example_ids: Sequence[str], programs: Sequence[Program]) -> list[Outcome]:
        """Outcomes of whole programs, any number, without steps; see `Setting.evaluate`."""
        return self.setting.evaluate(example_ids, programs)

    def reward(self, outcome: Outcome) -> float:
        """The reward of an episode with such an outcome."""
        return self.setting.reward(outcome)

    def render(self) -> tuple[Frame, ...] | None:
        """A frame of each episode; see `polar_search.envs.rendering`."""
        frames = [render(episode, self.render_mode) for episode in self._episodes]
        return tuple(frame for frame in frames if frame is not None) or None

    def _over(self) -> bool:
        """Whether all episodes are over, as they are before the first reset."""
        return all(episode.over for episode in self._episodes)

    def _begin(self, example_ids: Sequence[str]) -> None:
        examples = [self.setting.example(example_id) for example_id in example_ids]
        self.setting.prompts(examples)  # new ones are encoded together
        self._episodes = [Episode(self.setting, example) for example in examples]

    def _drawn(self) -> list[str]:
        examples = self.setting.examples
        return [examples[int(g.integers(len(examples)))].id for g in self._generators]

    def _assigned(self, options: dict[str, Any]) -> Sequence[str]:
        """The ids that reset's options ask for, or drawn ones."""
        check_reset_options(options, known=("example_ids", "reset_mask"))
        if not np.all(options.get("reset_mask", True)):
            raise ConfigError(
                "expected a reset_mask of all episodes, since they end together, received some; "
                "reset them all"
            )
        if "example_ids" not in options:
            return self._drawn()
        example_ids: Sequence[str] = options["example_ids"]
        if isinstance(example_ids, str) or not _are(self.num_envs, example_ids):
            raise ConfigError(
                f"expected {self.num_envs} example_ids, one an episode, received "
                f"{example_ids!r}; an id may be given several times"
            )
        return example_ids

    def _result(self, results: Sequence[tuple[float, dict[str, Any]]]) -> Step:
        """What a step returns; where it resets in the same step, the end goes into the infos.

        Args:
            results: The reward of each episode, and what is told of its end.
        """
        over = self._over()
        observation, infos = self._observation(), self._infos([told for _, told in results])
        if over and self.autoreset_mode is AutoresetMode.SAME_STEP:
            finals = [episode.observation() for episode in self._episodes]
            self._begin(self._drawn())
            final_infos, infos = infos, self._infos([{} for _ in self._episodes])
            infos |= {"final_obs": _objects(finals), "final_info": final_infos}
            everyone = np.ones(self.num_envs, bool)
            infos |= {"_final_obs": everyone, "_final_info": everyone.copy()}
            observation = self._observation()
        rewards, ended = np.array([reward for reward, _ in results]), np.full(self.num_envs, over)
        return observation, rewards, ended, np.zeros(self.num_envs, bool), infos

    def _observation(self) -> Observation:
        single = self.single_observation_space
        out = cast("Observation", create_empty_array(single, self.num_envs))
        observations = [episode.observation() for episode in self._episodes]
        return cast("Observation", concatenate(single, observations, out))

    def _infos(self, told: list[dict[str, Any]]) -> dict[str, Any]:
        """The infos of all episodes in Gymnasium's vector form, [B] each."""
        over = self._over()
        infos: dict[str, Any] = {}
        for number, (episode, more) in enumerate(zip(self._episodes, told, strict=True)):
            waiting = {"waiting": episode.over and not over}
            infos = self._add_info(infos, episode.info() | waiting | more, number)
        return infos


def _mode(mode: str | AutoresetMode) -> AutoresetMode:
    try:
        return AutoresetMode(mode)
    except ValueError as error:
        known = ", ".join(known.value for known in AutoresetMode)
        raise ConfigError(
            f"expected an autoreset_mode of {known}, received {mode!r}; choose one"
        ) from error


def _are(count: int, values: object) -> bool:
    """Whether so many values were given."""
    try:
        return len(values) == count  # type: ignore[arg-type]
    except TypeError:
        return False


def _objects(values: Sequence[object]) -> Array:
    """An array of objects, [B], whatever they are."""
    array = np.empty(len(values), object)
    array[:] = values
    return array
