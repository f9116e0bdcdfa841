"""Lets the tests of this folder import `searching`; loads the bundled model once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from polar_search.search.config import SearchConfig
from polar_search.search.session import Session


@pytest.fixture(scope="session")
def loaded():
    """The bundled model and three examples of each level, as a session of the plainest config."""
    return Session.load(SearchConfig(limit=3, max_edits=1, threads=1))
