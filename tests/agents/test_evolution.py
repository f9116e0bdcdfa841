"""Evolution: who survives, what variation makes of parents, and that it finds more than chance."""

import pytest
from landscapes import fragile, near_a_target, outcome, search
from scipy.stats import wilcoxon

from polar_search.agents.evolution import EvolutionAgent
from polar_search.agents.random import RandomAgent
from polar_search.errors import ConfigError
from polar_search.program import Program, ProgramSpace, Segment

SPACE = ProgramSpace(12, max_edits=3)
IDENTITY = Program.identity(12)


def survivors(agent):
    return [str(member.program) for member in agent._population]


def tell(agent, **valid):
    """Tells notation with underscores for blanks, and whether it is valid."""
    agent.tell(
        [
            outcome(Program.parse(text.replace("_", " ")), is_valid)
            for text, is_valid in valid.items()
        ]
    )


def test_the_fittest_survive_valid_first_then_shallower_then_earlier():
    agent = EvolutionAgent(SPACE, 0, population=3)
    tell(agent, K12=False)
    tell(agent, S1_K11=False, S2_K10=False, S3_K9=False)
    assert survivors(agent) == ["K12", "S1 K11", "S2 K10"]
    tell(agent, R1_K11=True, S4_K8=False)
    assert survivors(agent) == ["R1 K11", "K12", "S1 K11"]
    tell(agent, K11_S1=True, K10_S1_K1=True, R2_K10=True)
    assert survivors(agent) == ["K11 S1", "K10 S1 K1", "R1 K11"]
    tell(agent, K11_R1=False)  # the elite stays
    assert survivors(agent) == ["K11 S1", "K10 S1 K1", "R1 K11"]


def test_mutations_are_neighbours_of_the_parent():
    found = search(EvolutionAgent(SPACE, 0, crossover=0), fragile(SPACE, 0), 200)
    assert len(found) == 200
    assert all(proposal.program in SPACE.neighbours(proposal.parent) for proposal, _ in found)


def joined(left, right, cut):
    """The segments of `left` up to layer `cut`, and those of `right` from there on."""
    first = [(s.start, min(s.stop, cut), s.executions) for s in left.segments if s.start < cut]
    last = [(max(s.start, cut), s.stop, s.executions) for s in right.segments if s.stop > cut]
    segments = [Segment(start, stop - start, count) for start, stop, count in first + last]
    return Program.from_segments(segments, 12)


def test_crossovers_join_the_first_layers_of_one_with_the_last_of_another():
    agent = EvolutionAgent(SPACE, 0, crossover=1)
    tell(agent, R4_K6_S2=True, S1_K8_R3=True)
    children = {proposal.program for proposal in agent.ask(12) if proposal.parent}
    parents = [member.program for member in agent._population]
    assert children <= {
        joined(left, right, cut) for left in parents for right in parents for cut in range(13)
    }
    assert len(children) > 8
    assert children >= {Program.parse("R4 K5 R3"), Program.parse("S1 K9 S2")}


def test_crossovers_alone_run_dry_and_random_programs_join():
    agent = EvolutionAgent(SPACE, 0, crossover=1)
    tell(agent, K12=True)
    assert [proposal.parent for proposal in agent.ask(5)] == [None] * 5


def test_parents_are_drawn_from_the_fitter_half_more_often():
    agent = EvolutionAgent(SPACE, 0, population=10)
    agent.tell([outcome(program, True) for program in SPACE.neighbours(IDENTITY)[:10]])
    ranks = [agent._population.index(agent._parent()) for _ in range(1000)]
    # A tournament of two takes the fitter half with probability 3/4; 4 standard deviations: 55.
    assert abs(sum(rank < 5 for rank in ranks) - 750) < 55


def test_no_population_is_refused():
    with pytest.raises(ConfigError, match="a population above 0, received 0"):
        EvolutionAgent(SPACE, 0, population=0)


@pytest.mark.parametrize("landscape", [fragile, near_a_target])
def test_it_finds_more_valid_programs_than_random_search(landscape):
    """At 200 programs, over 30 landscapes, paired; one-sided Wilcoxon, p < 0.01."""
    more = []
    for seed in range(30):
        is_valid = landscape(SPACE, seed)
        evolution, random = (
            sum(valid for _, valid in search(agent(SPACE, seed), is_valid, 200))
            for agent in (EvolutionAgent, RandomAgent)
        )
        more.append(evolution - random)
    assert wilcoxon(more, alternative="greater").pvalue < 0.01
