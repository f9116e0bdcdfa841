"""Every registered agent passes the conformance suite: to be registered is to be enrolled."""

from functools import partial

import pytest
from menus import MenuOfItsOwn

from polar_search.search.agent import AGENTS
from polar_search.testing import AgentSuite

DETERMINISTIC = {"exhaustive", "importance", "menu", "sweep"}


ELSEWHERE = {"predictor"}
"""Needs a trained predictor: tests/predictor/test_agent.py."""


class TestRegisteredAgents(AgentSuite):
    @pytest.fixture(params=sorted(set(AGENTS.names()) - ELSEWHERE))
    def name(self, request):
        return request.param

    @pytest.fixture
    def make_agent(self, name):
        if name == "optuna":
            return partial(AGENTS.load(name), retries=1)  # small spaces are mostly asked again
        return MenuOfItsOwn if name == "menu" else AGENTS.load(name)

    @pytest.fixture
    def stochastic(self, name):
        return name not in DETERMINISTIC


VARIANTS = {
    "random over edits": ("random", {"over": "edits"}),
    "mcts as drllm": ("mcts", {"preset": "drllm"}),
    "evolution of static programs": ("evolution", {"scope": "dataset"}),
}
OPTUNA = {
    "optuna of static programs": {"scope": "dataset", "pruner": "MedianPruner"},
    "optuna for a front": {"sampler": "NSGAIISampler", "pareto": True},
    "optuna relaxed": {"sampler": "RandomSampler", "relaxed": True},
    "optuna by covariances": {"sampler": "CmaEsSampler"},
}


class TestAgentsWithOptions(AgentSuite):
    """The same with the options that change what an agent is."""

    @pytest.fixture(params=VARIANTS)
    def make_agent(self, request):
        name, options = VARIANTS[request.param]
        return partial(AGENTS.load(name), **options)


@pytest.mark.slow
class TestOptunaWithOptions(AgentSuite):
    @pytest.fixture(params=OPTUNA)
    def make_agent(self, request):
        return partial(AGENTS.load("optuna"), retries=1, **OPTUNA[request.param])
