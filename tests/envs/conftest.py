"""Lets the tests of this folder import `playing`; keeps one bundled model for them all."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from polar_search.envs import ProgramOfLayersEnv


@pytest.fixture(scope="session", autouse=True)
def model_in_use():
    """An environment that stays alive, so that the others find its engine."""
    return ProgramOfLayersEnv()


@pytest.fixture
def env():
    return ProgramOfLayersEnv(limit=5)
