"""The families that the project promises, through the public conformance suite."""

from __future__ import annotations

import functools

import pytest

from polar_search.testing.engine import EngineSuite
from polar_search.testing.families import FAMILIES, build

tiny = functools.cache(build)


@pytest.mark.parametrize("family", FAMILIES, scope="class")
class TestFamilies(EngineSuite):
    @pytest.fixture
    def model(self, family):
        return tiny(family)
