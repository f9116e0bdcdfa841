"""Wrappers that put the action mask into the observation, for clients that look for it there."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv, VectorObservationWrapper
from gymnasium.vector.utils import batch_space

from polar_search.errors import ConfigError

from .episode import Observation
from .options import Array


class MaskedObservation(gymnasium.ObservationWrapper[Observation, Any, Observation]):
    """Adds ``action_mask`` (int8 of [actions], 1 is allowed) to the observation's Dict."""

    def __init__(self, env: gymnasium.Env[Observation, Any]) -> None:
        """Wrap an environment with a method ``action_masks``."""
        super().__init__(env)
        self.observation_space = _with_mask(env.observation_space, env.action_space)

    def observation(self, observation: Observation) -> Observation:
        """The observation and the mask of the next action."""
        masks = self.get_wrapper_attr("action_masks")()
        return observation | {"action_mask": masks.astype(np.int8)}


class VectorMaskedObservation(VectorObservationWrapper[Observation, Any, Observation, Array]):
    """Adds ``action_mask`` (int8 of [B, actions], 1 is allowed) to a vector's observations."""

    def __init__(self, env: VectorEnv[Observation, Any, Array]) -> None:
        """Wrap a vector environment with a method ``action_masks``.

        Raises:
            ConfigError: It resets within a step, so that the last observation has no mask.
        """
        if env.metadata.get("autoreset_mode") is AutoresetMode.SAME_STEP:
            raise ConfigError(
                "expected a vector environment with autoreset_mode NextStep or Disabled, received "
                "SameStep; make it with another mode, or read info['action_mask']"
            )
        super().__init__(env)
        single = _with_mask(env.single_observation_space, env.single_action_space)
        self.single_observation_space = single
        self.observation_space = batch_space(single, env.num_envs)

    def observations(self, observations: Observation) -> Observation:
        """The observations and the masks of the next actions."""
        masks = self.env.unwrapped.action_masks()  # type: ignore[attr-defined]
        return observations | {"action_mask": masks.astype(np.int8)}


def _with_mask(
    observation_space: spaces.Space[Any], action_space: spaces.Space[Any]
) -> spaces.Dict:
    """The space of observations that hold a mask."""
    if not isinstance(observation_space, spaces.Dict) or not isinstance(
        action_space, spaces.Discrete
    ):
        raise ConfigError(
            f"expected Dict observations and Discrete actions, received {observation_space} and "
            f"{action_space}; wrap the environment itself, before other wrappers"
        )
    mask = spaces.Box(0, 1, (int(action_space.n),), np.int8)
    return spaces.Dict({**observation_space.spaces, "action_mask": mask})
