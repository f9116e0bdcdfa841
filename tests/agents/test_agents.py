"""What each agent is, beyond the contract that the conformance suite holds it to."""

import pytest

from polar_search.agents.exhaustive import ExhaustiveAgent
from polar_search.agents.random import RandomAgent
from polar_search.errors import ConfigError
from polar_search.program import Program, ProgramSpace
from polar_search.testing.agents import SMALL


def ask_all(agent, n):
    """All programs of an agent that is asked for `n` at a time."""
    programs = []
    while asked := agent.ask(n):
        programs += asked
    return programs


@pytest.mark.parametrize("n", [1, 7, 10**6])
@pytest.mark.parametrize("space", SMALL.values(), ids=SMALL)
def test_exhaustive_search_is_the_order_of_the_space_without_the_identity(space, n):
    identity = Program.identity(space.num_layers)
    assert ask_all(ExhaustiveAgent(space, 0), n) == [p for p in space if p != identity]


def test_exhaustive_search_of_a_large_space_starts_at_once():
    first = ExhaustiveAgent(ProgramSpace(80), 0).ask(200)
    assert len(first) == 200
    assert {program.edits for program in first} == {1}


@pytest.mark.parametrize("space", SMALL.values(), ids=SMALL)
def test_random_search_finds_all_of_a_small_space(space):
    programs = ask_all(RandomAgent(space, 0), 5)
    assert len(programs) == space.size() - (Program.identity(space.num_layers) in space)


def test_random_search_is_uniform():
    """Each of 7 programs comes first about 1,000 times in 7,000; 4 standard deviations: 117."""
    space = ProgramSpace(3, segmentation=(1, 2))
    counts = {program: 0 for program in space if program != Program.identity(3)}
    for seed in range(7000):
        counts[RandomAgent(space, seed).ask(1)[0]] += 1
    assert len(counts) == 7
    assert all(abs(count - 1000) < 117 for count in counts.values())


def test_random_search_over_edits_asks_as_many_of_each_length_of_walk():
    """A walk of one edit gives a program of one edit: a third of walks of one to three, or more."""
    space = ProgramSpace(12, max_edits=3)
    counts = {"edits": 0, "paths": 0}
    for over in counts:
        programs = [RandomAgent(space, seed, over=over).ask(1)[0] for seed in range(600)]
        counts[over] = sum(program.edits == 1 for program in programs)
    assert counts["paths"] < 20  # one in 300 programs has one edit
    assert counts["edits"] > 150


def test_random_search_over_something_else_is_refused():
    with pytest.raises(ConfigError, match="over=paths or over=edits, received 'programs'"):
        RandomAgent(ProgramSpace(4), 0, over="programs")
