"""The policy gradient against the enumerated one, in a space of 3 layers."""

import pytest
import torch

from polar_search.predictor.distribution import PathDistribution
from polar_search.predictor.reinforce import (
    Prices,
    RunningAverage,
    leave_one_out,
    policy_loss,
)
from polar_search.program import ProgramSpace

PROGRAMS = list(ProgramSpace(3, max_segment=2))


def worth(program):
    """A reward: right with even depth, and a price of depth."""
    return (program.depth % 2 == 0) - 0.1 * program.depth


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(3)
    boundaries = torch.randn(1, 3, generator=generator, dtype=torch.double).requires_grad_()
    operations = torch.randn(1, 3, 3, generator=generator, dtype=torch.double).requires_grad_()
    return boundaries, operations


def policy_of(logits):
    return PathDistribution(*logits, 2)


def exact_gradient(logits):
    """Of the expected reward, over all programs."""
    chances = policy_of(logits).log_prob(PROGRAMS, [0] * len(PROGRAMS)).exp()
    assert chances.sum().item() == pytest.approx(1)
    rewards = torch.tensor([worth(program) for program in PROGRAMS])
    return torch.autograd.grad((chances * rewards).sum(), logits)


def test_the_expected_gradient_is_the_exact_one(logits):
    """Every program once, weighted by its probability, is the expectation over draws."""
    policy = policy_of(logits)
    chances = policy.log_prob(PROGRAMS, [0] * len(PROGRAMS)).detach().exp()
    rewards = torch.tensor([worth(program) for program in PROGRAMS])
    advantages = (chances * rewards * len(PROGRAMS))[None]
    loss = policy_loss(policy, [PROGRAMS], advantages, Prices())
    found = torch.autograd.grad(loss, logits)
    for mine, want in zip(found, exact_gradient(logits), strict=True):
        assert torch.allclose(-mine, want)


def test_drawn_gradients_with_leave_one_out_have_no_bias(logits):
    draws, count = 4000, 4
    generator = torch.Generator().manual_seed(0)
    boundaries, operations = (part.detach().expand(draws, *part.shape[1:]) for part in logits)
    drawn = PathDistribution(boundaries, operations, 2).sample(count, generator)
    wide = (logits[0].expand(draws, -1), logits[1].expand(draws, -1, -1))
    rewards = torch.tensor([[worth(program) for program in row] for row in drawn])
    loss = policy_loss(PathDistribution(*wide, 2), drawn, leave_one_out(rewards), Prices())
    for mine, want in zip(torch.autograd.grad(loss, logits), exact_gradient(logits), strict=True):
        assert torch.allclose(-mine, want, atol=0.02)


def test_advantages_by_hand():
    """Rewards 1, 0, 0: the others' means are 0, 0.5 and 0.5."""
    found = leave_one_out(torch.tensor([[1.0, 0.0, 0.0]]))
    assert torch.allclose(found, torch.tensor([[1.0, -0.5, -0.5]]))


def test_the_running_average_is_of_the_past():
    average = RunningAverage()
    assert average.update(torch.tensor([1.0, 0.0])) == 0.5
    assert average.update(torch.tensor([1.0])) == 0.5
    assert average.update(torch.tensor([1.0])) == pytest.approx(0.55)


def test_prices_enter_the_loss(logits):
    policy, start = policy_of(logits), PathDistribution(torch.zeros(1, 3), torch.zeros(1, 3, 3), 2)
    nothing = torch.zeros(1, 1)
    loss = policy_loss(policy, [PROGRAMS[:1]], nothing, Prices(entropy=0.5, kl=2.0), start)
    want = 2.0 * policy.kl(start) - 0.5 * policy.entropy()
    assert loss.item() == pytest.approx(want.item())
