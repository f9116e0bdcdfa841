"""The conformance suite of agents: what the driver relies on, checked without a model.

A package that brings an agent enrols it with one fixture::

    class TestMyAgent(AgentSuite):
        @pytest.fixture
        def make_agent(self):
            return partial(MyAgent, patience=3)
"""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import DATASET, Agent, Context, MakeAgent, Proposal
from polar_search.search.outcome import Outcome

SMALL = {
    "only the identity": ProgramSpace(3, max_edits=0),
    "one layer": ProgramSpace(1),
    "two layers": ProgramSpace(2),
    "one edit": ProgramSpace(4, max_edits=1),
    "three executions": ProgramSpace(4, max_repeats=3, max_edits=2),
    "fixed segments": ProgramSpace(6, segmentation=(1, 2, 3)),
    "identity just outside": ProgramSpace(4, max_depth=3),
    "identity far outside": ProgramSpace(6, max_segment=2, max_depth=2),
}
"""Spaces that an agent can use up; of the last two the identity is no member."""

LARGE = ProgramSpace(24, max_edits=3)

VERDICTS: dict[str, Callable[[Program], bool]] = {
    "all valid": lambda program: True,  # noqa: ARG005
    "none valid": lambda program: False,  # noqa: ARG005
    # Of the text and not of `hash`, so that it is the same in every process.
    "one in three valid": lambda program: zlib.crc32(str(program).encode()) % 3 == 0,
}

IN_ANOTHER_PROCESS = """
import pickle, sys
from polar_search.testing.agents import first_programs
for program in first_programs(*pickle.load(sys.stdin.buffer)):
    print(program)
"""


EXAMPLES, CHUNK = 5, 2
"""What an agent of dataset scope is told of: so many examples, so many at a time."""


def search(
    agent: Agent, n: int, verdict: str, rounds: int | None = None
) -> Iterator[list[Proposal]]:
    """Drives `agent` as the driver does, and yields each batch before its outcomes are told.

    Args:
        agent: A fresh one.
        n: Programs asked at a time.
        verdict: A name in `VERDICTS`.
        rounds: Batches at most; None goes on until the agent is done.
    """
    agent.prepare(context_for(agent))
    _tell(agent, [Program.identity(agent.space.num_layers)], verdict)
    for _ in count() if rounds is None else range(rounds):
        if not (asked := agent.ask(n)):
            return
        batch = [p if isinstance(p, Proposal) else Proposal(p) for p in asked]
        yield batch
        _tell(agent, [proposal.program for proposal in batch], verdict)


def context_for(agent: Agent) -> Context:
    """What an agent of either scope may know, with hidden states that drift apart evenly."""
    depths = range(agent.space.num_layers + 1)
    similarity = tuple(tuple(0.9 ** abs(i - j) for j in depths) for i in depths)
    if agent.scope == "dataset":
        return Context(DATASET, "", EXAMPLES, similarity)
    return Context("example", "What is 1 + 1?", 1, similarity)


def _tell(agent: Agent, programs: list[Program], verdict: str) -> None:
    """Tells the outcomes of `programs`, chunk by chunk as the scope wants it."""
    count = EXAMPLES if agent.scope == "dataset" else 1
    names = [f"example {i}" for i in range(count)]
    for first in range(0, count, CHUNK):
        chunk = names[first : first + CHUNK]
        valid = VERDICTS[verdict]
        agent.tell([Outcome(name, 1, p, "", valid(p)) for p in programs for name in chunk])
        if first + CHUNK < count:
            withdrawn = set(agent.withdraw())
            programs = [program for program in programs if program not in withdrawn]


def first_programs(make_agent: MakeAgent, seed: int) -> list[str]:
    """What fresh agents ask of a large space in five batches of 7, under each verdict, as text.

    All verdicts, since an agent may have nothing to ask where nothing is valid, or everything.
    """
    return [
        str(proposal.program)
        for verdict in VERDICTS
        for batch in search(make_agent(LARGE, seed), 7, verdict, rounds=5)
        for proposal in batch
    ]


class AgentSuite:
    """What every agent must do. Override `make_agent`, and `stochastic` if the seed has no say."""

    @pytest.fixture
    def make_agent(self) -> MakeAgent:
        """The agent's class, or a `functools.partial` of it with options, importable by name."""
        raise NotImplementedError("override the fixture `make_agent` to return your agent's class")

    @pytest.fixture
    def stochastic(self) -> bool:
        """Whether another seed asks other programs."""
        return True

    @pytest.mark.parametrize("verdict", VERDICTS)
    @pytest.mark.parametrize("space", SMALL.values(), ids=SMALL)
    def test_asks_new_programs_of_its_space_until_it_is_done(
        self, make_agent: MakeAgent, space: ProgramSpace, verdict: str
    ) -> None:
        """At most n, in the space, none twice, never the identity; then empty for good."""
        for n in (1, 7, 1000):
            agent = make_agent(space, 0)
            asked = {Program.identity(space.num_layers)}
            for batch in search(agent, n, verdict):
                assert len(batch) <= n, f"expected at most {n} programs, received {len(batch)}"
                for program in (proposal.program for proposal in batch):
                    assert program in space, f"expected programs of the space, received '{program}'"
                    assert program not in asked, f"expected new programs, received '{program}'"
                    asked.add(program)
            again = [*agent.ask(n), *agent.ask(1)]
            assert not again, f"expected nothing after an empty answer, received {again}"

    @pytest.mark.parametrize("verdict", VERDICTS)
    def test_a_smaller_batch_is_the_beginning_of_a_larger_one(
        self, make_agent: MakeAgent, verdict: str
    ) -> None:
        """So a budget that grows continues a run whose last batch it had cut short."""
        for rounds in (0, 3):
            small, large = make_agent(LARGE, 0), make_agent(LARGE, 0)
            for agent in (small, large):
                for _ in search(agent, 16, verdict, rounds):
                    pass
            part, whole = list(small.ask(5)), list(large.ask(16))
            assert part == whole[:5], f"expected {whole[:5]} of `ask(5)`, received {part}"

    def test_the_seed_decides(self, make_agent: MakeAgent, stochastic: bool) -> None:
        """Same seed, same programs; another seed, others (or none differ, if not stochastic)."""
        one, same, other = (first_programs(make_agent, seed) for seed in (1, 1, 2))
        assert one, "expected programs of a large space, received none"
        assert one == same, "expected one seed to ask the same again, received other programs"
        what = "other programs" if stochastic else "the same programs"
        assert (one != other) == stochastic, f"expected {what} of another seed"

    @pytest.mark.parametrize("hash_seed", ["0", "1"])
    def test_every_process_asks_the_same(self, make_agent: MakeAgent, hash_seed: str) -> None:
        """The agent's constructor travels to a new process, whatever the hashes there."""
        done = subprocess.run(
            [sys.executable, "-c", IN_ANOTHER_PROCESS],
            input=pickle.dumps((make_agent, 1)),
            env=os.environ
            | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            check=False,
        )
        assert not done.returncode, f"expected programs, received {done.stderr.decode()}"
        there = done.stdout.decode().splitlines()
        assert there == first_programs(make_agent, 1), "expected the same in every process"

    def test_keeps_its_hands_off_the_global_random_state(self, make_agent: MakeAgent) -> None:
        """All randomness comes from the seed."""
        state = random.getstate()
        first_programs(make_agent, 1)
        assert random.getstate() == state, "expected an own `Random(seed)`, received global draws"
