"""Every registered agent passes the conformance suite: to be registered is to be enrolled."""

import pytest

from polar_search.search.agent import AGENTS
from polar_search.testing import AgentSuite


class TestRegisteredAgents(AgentSuite):
    @pytest.fixture(params=AGENTS.names())
    def name(self, request):
        return request.param

    @pytest.fixture
    def make_agent(self, name):
        return AGENTS.load(name)

    @pytest.fixture
    def stochastic(self, name):
        return name != "exhaustive"
