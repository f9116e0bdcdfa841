"""Hill climbing: where it climbs, when it starts again, and that it finds shallower programs."""

from landscapes import fragile, near_a_target, outcome, search
from scipy.stats import wilcoxon

from polar_search.agents.local import LocalAgent
from polar_search.agents.random import RandomAgent
from polar_search.program import Program, ProgramSpace

SPACE = ProgramSpace(6, max_segment=2)
IDENTITY = Program.identity(6)
EDITS = SPACE.neighbours(IDENTITY)  # 11 segments of one or two layers, skipped or repeated


def told(agent, proposals, valid):
    """Tells that exactly `valid` are valid."""
    agent.tell([outcome(p.program, p.program in valid) for p in proposals])


def test_a_batch_of_all_neighbours_climbs_to_the_best():
    agent = LocalAgent(SPACE, 0)
    agent.tell([outcome(IDENTITY, True)])
    asked = agent.ask(len(EDITS))
    assert {p.program for p in asked} == set(EDITS)
    assert {p.parent for p in asked} == {IDENTITY}
    valid = {Program.parse(text) for text in ("K5 S1", "K3 S2 K1", "R2 K4")}
    told(agent, asked, valid)
    assert agent.ask(1)[0].parent == Program.parse("K3 S2 K1")


def test_a_batch_of_one_climbs_to_any_improvement():
    agent = LocalAgent(SPACE, 0)
    agent.tell([outcome(IDENTITY, True)])
    here, depths = IDENTITY, [6]
    for proposal, valid in search_one_by_one(agent, fragile(SPACE, 0, layers=3), 60):
        if proposal.parent is None:
            break  # a restart
        assert proposal.parent == here
        if valid and proposal.program.depth < depths[-1]:
            here = proposal.program
            depths.append(here.depth)
    assert depths[-1] == 3  # the three fragile layers


def search_one_by_one(agent, is_valid, budget):
    """As `search`, for an agent that was told the standard pass."""
    for _ in range(budget):
        [proposal] = agent.ask(1)
        valid = is_valid(proposal.program)
        yield proposal, valid
        agent.tell([outcome(proposal.program, valid)])


def test_wrong_programs_are_no_way_up_and_shallow_ones_no_better():
    agent = LocalAgent(SPACE, 0)
    agent.tell([outcome(IDENTITY, False)])
    for _ in range(2):
        asked = agent.ask(len(EDITS) // 2)
        told(agent, asked, valid=set())
        assert {p.parent for p in asked} == {IDENTITY}


def test_after_a_local_optimum_the_next_climb_starts_at_a_valid_program_from_anywhere():
    agent = LocalAgent(SPACE, 0)
    agent.tell([outcome(IDENTITY, True)])
    told(agent, agent.ask(len(EDITS)), valid=set())
    for _ in range(5):  # nothing valid, no climb
        [anywhere] = agent.ask(1)
        assert anywhere.parent is None
        told(agent, [anywhere], valid=set())
    [start] = agent.ask(1)
    told(agent, [start], valid={start.program})  # valid is enough, even if deeper than the optimum
    [step] = agent.ask(1)
    assert step.parent == start.program


def test_it_finds_shallower_programs_than_random_search():
    """At 100 programs, over 30 landscapes, paired; one-sided Wilcoxon, p < 0.01."""
    space = ProgramSpace(12, max_edits=3)

    def shallowest(agent, is_valid):
        found = search(agent, is_valid, 100)
        return min((p.program.depth for p, valid in found if valid), default=12)

    for landscape in (fragile, near_a_target):
        gains = []
        for seed in range(30):
            is_valid = landscape(space, seed)
            local, random = (
                shallowest(agent(space, seed), is_valid) for agent in (LocalAgent, RandomAgent)
            )
            gains.append(random - local)
        assert wilcoxon(gains, alternative="greater").pvalue < 0.01
