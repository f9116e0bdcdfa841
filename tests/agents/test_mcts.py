"""Monte Carlo tree search: its statistics by hand, its options, and that it finds more."""

import pytest
from landscapes import near_a_target, outcome, search
from scipy.stats import wilcoxon

from polar_search.agents.mcts import MctsAgent, Node
from polar_search.agents.random import RandomAgent
from polar_search.errors import ConfigError
from polar_search.program import Program, ProgramSpace

TWELVE = ProgramSpace(12, max_edits=3)
IDENTITY = Program.identity(12)


def step(agent, correct):
    """Asks for one program and tells whether it is right; gives its node and its parent's."""
    [proposal] = agent.ask(1)
    agent.tell([outcome(proposal.program, correct)])
    return agent.nodes[proposal.program], agent.nodes[proposal.parent]


def statistics(*nodes):
    return [(node.value, node.visits) for node in nodes]


@pytest.fixture
def agent():
    """Without chance but in the edits: ceil(sqrt(v)) children, no epsilon, no length penalty."""
    agent = MctsAgent(TWELVE, 0, length_penalty=0, epsilon=0, widening=1)
    agent.tell([outcome(IDENTITY, True)])
    return agent


def two_rounds(agent):
    """The root and its first two children, of which the second is valid."""
    root = agent.nodes[IDENTITY]
    assert statistics(root) == [(1, 1)]
    # Round 1: ceil(sqrt(1)) = 1 child is due.
    a, parent = step(agent, correct=False)
    assert parent is root
    assert statistics(root, a) == [(1, 2), (0, 1)]
    # Round 2: ceil(sqrt(2)) = 2 children are due.
    b, parent = step(agent, correct=True)
    assert parent is root
    assert statistics(root, a, b) == [(2, 3), (0, 1), (1, 1)]
    return root, a, b


def test_statistics_round_by_round(agent):
    root, a, b = two_rounds(agent)
    # Round 3: ceil(sqrt(3)) = 2, so select. V = 3, c sqrt(ln 3) = 1.89: a 1.89, b 2.89.
    c, parent = step(agent, correct=False)
    assert parent is b
    assert statistics(root, a, b, c) == [(2, 4), (0, 1), (1, 2), (0, 1)]
    # Round 4: ceil(sqrt(4)) = 2. V = 4: a 1.8 sqrt(1.386) = 2.12, b 1/2 + 1.8 sqrt(.693) = 2.00.
    d, parent = step(agent, correct=True)
    assert parent is a
    assert statistics(root, a, b, c, d) == [(3, 5), (1, 2), (1, 2), (0, 1), (1, 1)]
    # Round 5: ceil(sqrt(5)) = 3.
    e, parent = step(agent, correct=False)
    assert parent is root
    assert statistics(root, a, b, c, d, e) == [(3, 6), (1, 2), (1, 2), (0, 1), (1, 1), (0, 1)]


def test_virtual_loss_turns_the_next_simulation_elsewhere(agent):
    root, a, b = two_rounds(agent)
    # Both are asked before either is told: the one under b counts as a loss, as in rounds 3 and 4.
    first, second = agent.ask(2)
    assert (first.parent, second.parent) == (b.program, a.program)
    assert statistics(root, a, b) == [(2, 5), (0, 2), (1, 2)]
    agent.tell([outcome(first.program, True), outcome(second.program, False)])
    assert statistics(root, a, b) == [(3, 5), (0, 2), (2, 2)]


def test_ucb_by_hand():
    agent = MctsAgent(TWELVE, 0)
    node = Node(Program.parse("S3 K9"), level=1)
    node.value, node.visits = 3, 4
    # 3/4 + 1.8 sqrt(ln 100 / 4) - 3 * 9/12 = 0.75 + 1.8 * 1.072983 - 2.25
    assert agent.ucb(node, total=100) == pytest.approx(0.431370, abs=1e-6)
    shallow = MctsAgent(TWELVE, 0, exploration=1, length_penalty=5)
    # 3/4 + sqrt(ln 100 / 4) - 5 * 9/12
    assert shallow.ucb(node, total=100) == pytest.approx(-1.927017, abs=1e-6)


def chosen(**options):
    """The better child of a node of 12 visits in a search of 1,000."""
    agent = MctsAgent(TWELVE, 0, length_penalty=0, **options)
    agent.nodes[IDENTITY].visits = 1000
    parent = Node(Program.parse("S1 K11"), level=1)
    for name, value, visits in [("S2 K10", 9, 9), ("S1 K10 S1", 0, 3)]:
        child = Node(Program.parse(name), level=2)
        child.value, child.visits = value, visits
        parent.children.append(child)
    parent.visits = 12
    return str(agent._best_child(parent).program)


def test_the_visits_compared_with_are_all_or_the_parents():
    # V = 1000: 1 + 1.8 sqrt(6.908/9) = 2.58 against 1.8 sqrt(6.908/3) = 2.73
    assert chosen() == "S1 K10 S1"
    # V = 12: 1 + 1.8 sqrt(2.485/9) = 1.95 against 1.8 sqrt(2.485/3) = 1.64
    assert chosen(parent_visits=True) == "S2 K10"


def test_parents_are_neighbours_and_all_explored_programs_are_kept():
    agent = MctsAgent(TWELVE, 0)
    is_valid = near_a_target(TWELVE, 0)
    found = search(agent, is_valid, 300)
    assert set(agent.nodes) == {IDENTITY, *(proposal.program for proposal, _ in found)}
    for proposal, _ in found:
        assert proposal.program in TWELVE.neighbours(proposal.parent)
    root = agent.nodes[IDENTITY]
    valid = is_valid(IDENTITY) + sum(valid for _, valid in found)
    assert statistics(root) == [(valid, 301)]


@pytest.mark.parametrize("seed", range(8))
def test_transpositions_are_one_node_and_close_no_circle(seed):
    space = ProgramSpace(4, max_edits=2)
    agent = MctsAgent(space, seed, length_penalty=0, widening=1)
    found = search(agent, near_a_target(space, seed, distance=2), 10**6)
    assert len(found) + 1 == len(agent.nodes) == space.size()
    # Edits lead to all of it, so none was put under the root from elsewhere.
    assert all(proposal.program in space.neighbours(proposal.parent) for proposal, _ in found)
    nodes = agent.nodes.values()
    edges = [(node, child) for node in nodes for child in node.children]
    assert all(agent.nodes[child.program] is child for _, child in edges)
    assert all(child.level > node.level for node, child in edges)
    assert len(edges) > len(nodes)  # some have several parents
    assert len({(id(node), id(child)) for node, child in edges}) == len(edges)
    # A merged node counts for whoever led there, never for a parent that was passed by.
    assert all(0 <= node.value <= node.visits for node in nodes)


def test_second_edits_fall_on_both_sides_of_the_first():
    sides = {"left": 0, "right": 0}
    for seed in range(20):
        for proposal, _ in search(MctsAgent(TWELVE, seed), near_a_target(TWELVE, seed), 150):
            program, parent = proposal.program, proposal.parent
            if (parent.edits, program.edits) == (1, 2):
                [first] = [s.start for s in parent.segments if s.executions != 1]
                starts = [s.start for s in program.segments if s.executions != 1]
                if first in starts:
                    sides["left" if starts[0] < first else "right"] += 1
    assert min(sides.values()) > 0.35 * sum(sides.values()) > 100


def parents(**options):
    agent = MctsAgent(TWELVE, 0, **options)
    return [proposal.parent for proposal, _ in search(agent, near_a_target(TWELVE, 0), 60)]


def test_epsilon_and_widening_share_programs_between_the_root_and_its_children():
    assert set(parents(epsilon=1)) == {IDENTITY}
    assert parents(epsilon=0, widening=0.01).count(IDENTITY) == 1
    assert 1 < parents(epsilon=0, widening=1).count(IDENTITY) < 10 < parents().count(IDENTITY)


def test_the_length_penalty_leads_to_shallower_programs_and_away_from_repeats():
    """Valid is what repeats one of the last layers; at 200 programs, over 20 seeds."""
    depth, valid = {}, {}
    for penalty in (0, 3):
        found = [
            pair
            for seed in range(20)
            for pair in search(
                MctsAgent(TWELVE, seed, length_penalty=penalty), lambda p: p.path.count(9) > 1, 200
            )
        ]
        depth[penalty] = sum(proposal.program.depth for proposal, _ in found) / len(found)
        valid[penalty] = sum(valid for _, valid in found) / len(found)
    assert depth[3] < depth[0] - 0.5
    assert valid[3] < 0.75 * valid[0]


def test_a_batch_of_a_thousand_is_a_thousand_programs():
    asked = {proposal.program for proposal in MctsAgent(TWELVE, 0).ask(1000)}
    assert len(asked) == 1000


def test_a_space_that_no_edit_enters_is_searched_all_the_same():
    space = ProgramSpace(8, max_segment=2, max_depth=4)
    assert not space.neighbours(Program.identity(8))
    assert len(search(MctsAgent(space, 0), near_a_target(space, 0), 200)) == 200


def test_the_drllm_preset_edits_one_or_two_layers_and_stops_at_50():
    found = search(MctsAgent(TWELVE, 0, preset="drllm"), lambda program: program == IDENTITY, 100)
    assert len(found) == 50
    assert {p.program.depth - p.parent.depth for p, _ in found} == {-2, -1, 1}


def test_the_drllm_preset_stops_at_the_first_success_and_options_overrule_it():
    always = lambda program: True  # noqa: E731
    assert len(search(MctsAgent(TWELVE, 0, preset="drllm"), always, 100, batch=1)) == 1
    agent = MctsAgent(TWELVE, 0, preset="drllm", stop_after_valid=3, simulations=80)
    assert len(search(agent, always, 100, batch=1)) == 3
    agent = MctsAgent(TWELVE, 0, preset="drllm", simulations=80)
    assert len(search(agent, lambda program: False, 100)) == 80


@pytest.mark.parametrize(
    ("options", "message"),
    [({"preset": "dr"}, "preset drllm or none, received 'dr'"), ({"widening": 0}, "above 0")],
)
def test_options_that_cannot_work_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        MctsAgent(TWELVE, 0, **options)


@pytest.mark.parametrize("max_edits", [2, 3])
def test_it_finds_more_valid_programs_near_a_target_than_random_search(max_edits):
    """At 200 programs, over 40 hidden targets, paired; one-sided Wilcoxon, p < 0.01."""
    space = ProgramSpace(12, max_edits=max_edits)
    more = []
    for seed in range(40):
        is_valid = near_a_target(space, seed)
        mcts, random = (
            sum(valid for _, valid in search(agent(space, seed), is_valid, 200))
            for agent in (MctsAgent, RandomAgent)
        )
        more.append(mcts - random)
    assert sum(more) > 0
    assert wilcoxon(more, alternative="greater").pvalue < 0.01
