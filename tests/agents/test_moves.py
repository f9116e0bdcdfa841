"""Moves, and what the agents that walk from program to program have in common."""

import pickle
from random import Random

import pytest
from landscapes import near_a_target, search

from polar_search.agents.moves import Moves
from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import AGENTS

SPACE = ProgramSpace(12, max_edits=3)
IDENTITY = Program.identity(12)


def drawn(moves, rng):
    return list(iter(lambda: moves.draw(rng), None))


def test_moves_are_the_neighbours_each_once():
    moves = Moves(SPACE, IDENTITY)
    assert moves
    programs = drawn(moves, Random(0))
    assert not moves
    assert sorted(map(str, programs)) == sorted(map(str, SPACE.neighbours(IDENTITY)))
    assert programs != SPACE.neighbours(IDENTITY)


def test_every_neighbour_is_as_likely_to_be_first():
    """Each of 84 comes first about 100 times in 8,400; 5 standard deviations: 50."""
    rng, counts = Random(0), dict.fromkeys(SPACE.neighbours(IDENTITY), 0)
    for _ in range(8400):
        counts[Moves(SPACE, IDENTITY).draw(rng)] += 1
    assert len(counts) == 84
    assert all(abs(count - 100) < 50 for count in counts.values())


@pytest.mark.parametrize("name", ["evolution", "local", "mcts"])
def test_a_pickled_agent_goes_on_as_if_nothing_had_happened(name):
    agent, is_valid = AGENTS.load(name)(SPACE, 0), near_a_target(SPACE, 0)
    search(agent, is_valid, 100)
    copy = pickle.loads(pickle.dumps(agent))
    proposals = agent.ask(20)
    assert len(proposals) == 20
    assert copy.ask(20) == proposals
