"""Searches without a model: validity is a hidden function of the path, the driver a loop."""

from random import Random

from polar_search.program import Program
from polar_search.search.agent import Proposal
from polar_search.search.outcome import Outcome


def outcome(program, correct):
    return Outcome("example", 1, program, "", correct)


def search(agent, is_valid, budget, batch=16):
    """Drives `agent` for `budget` programs; gives the proposals and whether each was valid."""
    identity = Program.identity(agent.space.num_layers)
    agent.tell([outcome(identity, is_valid(identity))])
    found = []
    while len(found) < budget:
        asked = agent.ask(min(batch, budget - len(found)))
        if not asked:
            break
        proposals = [p if isinstance(p, Proposal) else Proposal(p) for p in asked]
        verdicts = [is_valid(proposal.program) for proposal in proposals]
        agent.tell([outcome(p.program, v) for p, v in zip(proposals, verdicts, strict=True)])
        found += zip(proposals, verdicts, strict=True)
    return found


def near_a_target(space, seed, distance=3):
    """Valid are the programs that execute at most `distance` layers another number of times."""
    target = space.sample(Random(f"target {seed}")).path

    def is_valid(program):
        path = program.path
        return sum(path.count(i) != target.count(i) for i in range(space.num_layers)) <= distance

    return is_valid


def fragile(space, seed, layers=5):
    """Valid are the programs that execute all of a few layers, whatever they do to the others."""
    kept = frozenset(Random(f"kept {seed}").sample(range(space.num_layers), layers))
    return lambda program: kept <= set(program.path)
