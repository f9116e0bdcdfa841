"""Lets the tests of this folder import `labels`; makes one small run."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from polar_search.search.config import SearchConfig
from polar_search.search.session import Session


@pytest.fixture(scope="session")
def searched(tmp_path_factory):
    """Two examples of each level of `tracking`, with every program of one edit that MCTS tried."""
    run = tmp_path_factory.mktemp("searched") / "run"
    Session.load(SearchConfig(limit=2, agent="mcts", budget=12, max_edits=1, threads=1)).run(run)
    return run
