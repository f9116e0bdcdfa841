"""Programs as coloured layers: skipped red, kept green, repeated blue, undecided dark."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.utils import colorize

from polar_search.errors import ConfigError

from .episode import UNDECIDED, Episode
from .options import Array

Frame = str | Array
"""Text with terminal colours, or an image, uint8 of [height, width, 3]."""

RENDER_MODES = ("ansi", "rgb_array")

CELL = 24
"""Width and height of a layer in an image, in pixels."""

GAP = 4
"""Pixels between two segments, half of them on either side."""


def check_render_mode(mode: str | None) -> str | None:
    """Gives the mode back.

    Raises:
        ConfigError: It is none of ours.
    """
    if mode is not None and mode not in RENDER_MODES:
        raise ConfigError(
            f"expected a render_mode of {' or '.join(RENDER_MODES)}, received {mode!r}; "
            "choose one or leave it out"
        )
    return mode


def render(episode: Episode, mode: str | None) -> Frame | None:
    """The frame of an episode in a mode; None without one."""
    if mode == "ansi":
        return as_text(episode)
    return as_image(episode) if mode == "rgb_array" else None


def as_text(episode: Episode) -> str:
    """One line: a digit a layer (its executions), a dot while it is undecided, bars between."""
    line = f"{episode.example.id} "
    for executions, start in zip(episode.executions, episode.starts, strict=True):
        line += "|" if start else ""
        line += "." if executions == UNDECIDED else colorize(f"{executions:.0f}", _name(executions))
    return line + (" invalid action" if episode.invalid else "")


def as_image(episode: Episode) -> Array:
    """One row of squares, a layer each, with gaps between segments."""
    image = np.zeros((CELL, CELL * len(episode.executions), 3), np.uint8)
    last = len(episode.starts) - 1
    for layer, executions in enumerate(episode.executions):
        left = CELL * layer + (GAP // 2 if episode.starts[layer] else 0)
        ends = layer == last or episode.starts[layer + 1] or executions == UNDECIDED
        right = CELL * (layer + 1) - (GAP // 2 if ends else 0)
        image[GAP // 2 : -GAP // 2, left:right] = _colour(float(executions))
    return image


def _name(executions: np.floating[Any]) -> str:
    return "red" if executions == 0 else "green" if executions == 1 else "blue"


def _colour(executions: float) -> tuple[int, int, int]:
    """Red, green and blue; the more often repeated, the brighter."""
    if executions == UNDECIDED:
        return 48, 48, 48
    if executions == 0:
        return 214, 69, 65
    if executions == 1:
        return 67, 160, 71
    level = min(255, 100 + 50 * int(executions))
    return 40, level // 2, level
