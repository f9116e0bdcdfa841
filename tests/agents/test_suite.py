"""The conformance suite finds the faults it looks for: one faulty agent for each."""

import pickle
import random
from functools import partial
from itertools import islice

import pytest

from polar_search.agents.exhaustive import ExhaustiveAgent
from polar_search.agents.random import RandomAgent
from polar_search.program import Program
from polar_search.testing import AgentSuite
from polar_search.testing.agents import SMALL

SUITE = AgentSuite()
SPACE = SMALL["one edit"]
asks_well = partial(SUITE.test_asks_new_programs_of_its_space_until_it_is_done, space=SPACE)


class Greedy(ExhaustiveAgent):
    def ask(self, n):
        return super().ask(n + 1)


class Stray(ExhaustiveAgent):
    def ask(self, n):
        return [Program.identity(self.space.num_layers + 1)]


class Forgetful(ExhaustiveAgent):
    def ask(self, n):
        return list(islice(self.space, 1, 1 + n))


class Dutiful(ExhaustiveAgent):
    """Asks for the identity, which the driver has evaluated."""

    def __init__(self, space, seed):
        super().__init__(space, seed)
        self._rest = iter(space)


class Hesitant(ExhaustiveAgent):
    """Answers nothing now and then."""

    asked = 0

    def ask(self, n):
        self.asked += 1
        return super().ask(n) if self.asked % 3 else []


class Cutting(ExhaustiveAgent):
    """Begins a small batch elsewhere than a large one."""

    def ask(self, n):
        return super().ask(n)[::-1]


class Unseeded(RandomAgent):
    def __init__(self, space, seed):
        super().__init__(space, random.getrandbits(64))


HASHING = """
from polar_search.agents.exhaustive import ExhaustiveAgent

class Hashing(ExhaustiveAgent):
    def ask(self, n):
        return sorted(super().ask(n), key=lambda program: hash(str(program)))
"""


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (Greedy, "at most 1 programs, received 2"),
        (Stray, "programs of the space, received 'K"),
        (Forgetful, "new programs, received"),
        (Dutiful, "new programs, received 'K4'"),
        (Hesitant, "nothing after an empty answer, received"),
    ],
)
def test_a_wrong_batch_is_found(faulty, message):
    with pytest.raises(AssertionError, match=message):
        asks_well(faulty, verdict="none valid")


def test_a_batch_that_depends_on_its_size_is_found():
    with pytest.raises(AssertionError, match=r"of `ask\(5\)`, received"):
        SUITE.test_a_smaller_batch_is_the_beginning_of_a_larger_one(Cutting, "all valid")


def test_randomness_that_is_not_the_seeds_is_found():
    with pytest.raises(AssertionError, match="one seed to ask the same again"):
        SUITE.test_the_seed_decides(Unseeded, True)
    with pytest.raises(AssertionError, match="global draws"):
        SUITE.test_keeps_its_hands_off_the_global_random_state(Unseeded)


@pytest.mark.parametrize(("agent", "stochastic"), [(ExhaustiveAgent, True), (RandomAgent, False)])
def test_a_wrong_claim_about_the_seed_is_found(agent, stochastic):
    with pytest.raises(AssertionError, match="of another seed"):
        SUITE.test_the_seed_decides(agent, stochastic)


def test_dependence_on_hashes_is_found(tmp_path, monkeypatch):
    (tmp_path / "hashing_agent.py").write_text(HASHING)
    monkeypatch.syspath_prepend(tmp_path)
    from hashing_agent import Hashing

    with pytest.raises(AssertionError, match="the same in every process"):
        [SUITE.test_every_process_asks_the_same(Hashing, hash_seed) for hash_seed in "01"]


def test_a_constructor_that_cannot_travel_is_found():
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        SUITE.test_every_process_asks_the_same(lambda *given: ExhaustiveAgent(*given), "0")
