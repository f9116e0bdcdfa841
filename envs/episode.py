"""One episode: an example, and the program that is being written for it segment by segment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from polar_search.program import Draft, Program
from polar_search.tasks import Example

from .options import Array
from .setting import Setting

Observation = dict[str, Any]
"""Arrays by name."""

UNDECIDED = -1
"""Stands for the executions of a layer that is not decided yet."""


class Episode:
    """What happens to one example. Single and vector environments are made of these.

    Attributes:
        example: The input.
        executions: Executions of each layer, `UNDECIDED` from the first undecided one on, [D].
        starts: 1 where a decided segment starts, else 0, [D].
        invalid: Whether an action that was not allowed has ended the episode.
    """

    def __init__(self, setting: Setting, example: Example) -> None:
        self.example = example
        self.executions = np.full(setting.num_layers, UNDECIDED, np.float32)
        self.starts = np.zeros(setting.num_layers, np.float32)
        self.invalid = False
        self._setting, self._draft = setting, Draft()
        self._path: list[int] = []

    @property
    def over(self) -> bool:
        """Whether nothing is left to decide."""
        return self.invalid or self._setting.actions.is_end(self._draft)

    @property
    def program(self) -> Program | None:
        """The program of an episode that is over; None if it was ended by an invalid action."""
        if self.invalid:
            return None
        return Program(self._path, self._setting.num_layers, self._setting.space.max_segment)

    def act(self, action: object) -> None:
        """Decide the next segment; what is not an allowed action ends the episode."""
        actions, number = self._setting.actions, action_number(action)
        if number not in range(len(actions)) or not actions.allowed(self._draft)[number]:
            self.invalid = True
            return
        layers, (executions, _) = actions.layers(self._draft, number), actions.segment(number)
        self.executions[layers.start : layers.stop] = executions
        self.starts[layers.start] = 1
        self._path += [*layers] * executions
        self._draft = actions.after(self._draft, number)

    def mask(self) -> Array:
        """Which actions are allowed, int8 of [actions]; once it is over action 0, of no effect."""
        mask = np.zeros(len(self._setting.actions), np.int8)
        if self.over:
            mask[0] = 1
        else:
            mask[:] = self._setting.actions.allowed(self._draft)
        return mask

    def observation(self) -> Observation:
        """New arrays, as the observation space describes them."""
        layers = self._setting.num_layers
        [prompt] = self._setting.prompts([self.example])
        return {
            "prompt": prompt.copy(),
            "executions": self.executions.copy(),
            "starts": self.starts.copy(),
            "position": np.array(
                [self._setting.actions.position(self._draft) / layers], np.float32
            ),
            "depth": np.array([self._draft.depth / layers], np.float32),
        }

    def info(self) -> dict[str, Any]:
        """What is told beside the observation at every step."""
        return {
            "example_id": self.example.id,
            "action_mask": self.mask(),
            "invalid_action": self.invalid,
        }


def action_number(action: object) -> int:
    """The number of an action, however a client wraps it; -1 for what is no integer."""
    try:
        array = np.asarray(action)
    except (TypeError, ValueError):  # a ragged list, a tensor elsewhere
        return -1
    if array.size != 1 or not np.issubdtype(array.dtype, np.integer):
        return -1
    return int(array.reshape(()))


def settle(setting: Setting, episodes: Sequence[Episode]) -> list[tuple[float, dict[str, Any]]]:
    """The rewards of episodes that are over, and what is told of them; one engine batch for all."""
    written = [(e.example.id, e.program) for e in episodes]
    whole = [(example_id, program) for example_id, program in written if program is not None]
    outcomes = iter(setting.evaluate([i for i, _ in whole], [program for _, program in whole]))
    results: list[tuple[float, dict[str, Any]]] = []
    for episode in episodes:
        if episode.invalid:
            results.append((float(setting.options.invalid_reward), {}))
            continue
        outcome = next(outcomes)
        told = {
            "program": str(outcome.program),
            "text": outcome.text,
            "verdict": outcome.correct,
            "depth": outcome.program.depth,
        }
        results.append((setting.reward(outcome), told))
    return results
