"""The predictor as an agent: conformance with drawn logits, and a search with a trained one."""

import pytest
import torch

from polar_search.agents.predictor import PredictorAgent
from polar_search.errors import PredictorError
from polar_search.predictor.config import TrainConfig
from polar_search.predictor.decoding import top_paths
from polar_search.predictor.distribution import PathDistribution
from polar_search.predictor.training import train
from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import Context
from polar_search.search.config import SearchConfig
from polar_search.search.session import Session
from polar_search.search.store import read_outcomes
from polar_search.testing import AgentSuite


class Drawn(PredictorAgent):
    """Has logits of any number of layers in place of a trained predictor's."""

    def distribution(self, context):
        generator = torch.Generator().manual_seed(0)
        depth, repeats = self.space.num_layers, self.space.max_repeats
        boundaries = torch.randn(1, depth, generator=generator)
        operations = torch.randn(1, depth, repeats + 1, generator=generator)
        return PathDistribution(boundaries, operations, self.space.max_segment)


class TestPredictorAgent(AgentSuite):
    @pytest.fixture
    def make_agent(self):
        return Drawn

    @pytest.fixture
    def stochastic(self):
        return False


def test_programs_come_by_probability():
    space = ProgramSpace(5, max_edits=2)
    agent = Drawn(space, 0)
    context = Context("a", "")
    agent.prepare(context)
    asked = [*agent.ask(3), *agent.ask(10_000)]
    [ranked] = top_paths(agent.distribution(context), 10_000, space)
    assert asked == [p for p, _ in ranked if p != Program.identity(5)]
    assert len(asked) == space.size() - 1


@pytest.fixture(scope="module")
def folder(searched, tmp_path_factory):
    out = tmp_path_factory.mktemp("predictor")
    train(searched, out, TrainConfig(width=32, batch=8, epochs=1, val_limit=2, threads=1))
    return str(out)


def test_a_search_with_a_trained_predictor(folder, tmp_path):
    config = SearchConfig(
        agent="predictor",
        agent_options={"folder": folder},
        limit=1,
        level=(1,),
        budget=4,
        max_edits=1,
        threads=1,
    )
    Session.load(config).run(tmp_path)
    rows = read_outcomes(tmp_path).to_pylist()
    assert len({row["program"] for row in rows}) == 5


def test_predictors_that_cannot_be_used(folder, tmp_path):
    with pytest.raises(PredictorError, match="expected a predictor's folder"):
        PredictorAgent(ProgramSpace(8), 0, str(tmp_path)).prepare(Context("a", "xx.yy="))
    with pytest.raises(PredictorError, match="expected a predictor for 12 layers"):
        PredictorAgent(ProgramSpace(12), 0, folder).prepare(Context("a", "xx.yy="))
