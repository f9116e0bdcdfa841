"""Choosing a program of layers as a Gymnasium environment.

Importing this package registers ``polar_search/ProgramOfLayers-v0``, a single environment and a
vector one; so does ``gymnasium.make("polar_search.envs:polar_search/ProgramOfLayers-v0")``.
"""

import gymnasium

from .masks import MaskedObservation, VectorMaskedObservation
from .options import EnvOptions
from .single import ProgramOfLayersEnv
from .vector import ProgramOfLayersVectorEnv

ENV_ID = "polar_search/ProgramOfLayers-v0"
"""The name of the environment in Gymnasium's registry."""

gymnasium.register(
    ENV_ID,
    entry_point="polar_search.envs.single:ProgramOfLayersEnv",
    vector_entry_point="polar_search.envs.vector:ProgramOfLayersVectorEnv",
)

__all__ = [
    "ENV_ID",
    "EnvOptions",
    "MaskedObservation",
    "ProgramOfLayersEnv",
    "ProgramOfLayersVectorEnv",
    "VectorMaskedObservation",
]
