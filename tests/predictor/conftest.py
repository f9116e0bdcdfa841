"""A small run of the bundled model, shared by all tests of this folder."""

import pytest
import torch

from polar_search.search.config import SearchConfig
from polar_search.search.session import Session

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def searched(tmp_path_factory):
    """A run on three training examples of each level, every program of one edit."""
    out = tmp_path_factory.mktemp("run")
    session = Session.load(SearchConfig(limit=3, max_edits=1, ask_batch=128, threads=1))
    session.run(out)
    return out


@pytest.fixture(scope="session")
def engine():
    """The bundled model of that run."""
    return Session.load(SearchConfig(limit=1, threads=1)).engine
