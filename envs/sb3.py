"""The vector environment as stable-baselines3 wants it; needs the extra ``rl``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from polar_search.errors import ConfigError

from .episode import Observation
from .options import Array
from .vector import ProgramOfLayersVectorEnv

try:
    from stable_baselines3.common.vec_env import VecEnv
except ImportError as error:
    raise ConfigError(
        "expected stable-baselines3, which is not installed; pip install 'polar-search[rl]'"
    ) from error

Indices = int | Iterable[int] | None


class ProgramVecEnv(VecEnv):
    """Episodes of a `ProgramOfLayersVectorEnv`, for PPO, MaskablePPO and other on-policy clients.

    ``seed`` and ``set_options([{"example_id": ...}, ...])`` reach the next reset.

    Attributes:
        envs: The vector environment; it resets within a step, as this library expects.
    """

    def __init__(self, num_envs: int = 1, **options: Any) -> None:  # noqa: ANN401
        """Make the vector environment; see there for the options.

        Raises:
            PolarSearchError: An option is unknown or cannot work.
        """
        self.envs = ProgramOfLayersVectorEnv(
            num_envs, autoreset_mode=AutoresetMode.SAME_STEP, **options
        )
        self._actions: Array | None = None
        super().__init__(
            num_envs, self.envs.single_observation_space, self.envs.single_action_space
        )

    def reset(self) -> Observation:
        """Begin a round with the seed and options set before, if any."""
        ids = [options["example_id"] for options in self._options if "example_id" in options]
        observations, infos = self.envs.reset(
            seed=self._seeds[0], options={"example_ids": ids} if ids else None
        )
        self.reset_infos = _split(infos, self.num_envs)
        self._reset_seeds()
        self._reset_options()
        return observations

    def step_async(self, actions: Array) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[Observation, Array, Array, list[dict[str, Any]]]:
        """Take the step; at the end of a round the observations are those of the next one."""
        observations, rewards, over, _, infos = self.envs.step(self._actions)
        told = _split(infos, self.num_envs)
        if over.all():
            self.reset_infos = told
            finals = _split(infos["final_info"], self.num_envs)
            told = [
                final | {"terminal_observation": last}
                for final, last in zip(finals, infos["final_obs"], strict=True)
            ]
        return observations, rewards.astype(np.float32), over, told

    def close(self) -> None:
        """Nothing is left open."""
        self.envs.close()

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """An attribute of the vector environment, once for each slot: all share it."""
        return [getattr(self.envs, attr_name) for _ in self._get_indices(indices)]

    def set_attr(
        self,
        attr_name: str,
        value: Any,  # noqa: ANN401
        indices: Indices = None,  # noqa: ARG002
    ) -> None:
        """Set an attribute of the vector environment, which all slots share."""
        setattr(self.envs, attr_name, value)

    def env_method(
        self,
        method_name: str,
        *method_args: Any,  # noqa: ANN401
        indices: Indices = None,
        **method_kwargs: Any,  # noqa: ANN401
    ) -> list[Any]:
        """Call a method that gives something for each slot, such as ``action_masks``."""
        results = getattr(self.envs, method_name)(*method_args, **method_kwargs)
        return [results[slot] for slot in self._get_indices(indices)]

    def env_is_wrapped(
        self,
        wrapper_class: type[Any],  # noqa: ARG002
        indices: Indices = None,
    ) -> list[bool]:
        """No slot has a wrapper of its own."""
        return [False for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[Array | None]:
        """The frames of all slots, with ``render_mode="rgb_array"``."""
        return [np.asarray(frame) for frame in self.envs.render() or ()]


def _split(infos: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Gymnasium's vector form of infos as one dictionary a slot."""
    names = [name for name in infos if not name.startswith(("_", "final_"))]
    return [
        {name: infos[name][slot] for name in names if infos[f"_{name}"][slot]}
        for slot in range(count)
    ]
