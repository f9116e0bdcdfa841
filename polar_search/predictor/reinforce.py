"""REINFORCE: draw programs, execute them, and make those likelier that did better than expected.

The policy is the distribution over paths itself, so a program's gradient is that of all its
structures; entropy and divergence are those of paths, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from polar_search.predictor.distribution import PathDistribution
from polar_search.program import Program

MEMORY = 0.9
"""Share of the running average that stays in each step."""


class Rewarder(Protocol):
    """Executes programs on examples, all in one batch, and tells what each was worth."""

    def __call__(self, example_ids: Sequence[str], programs: Sequence[Program]) -> Sequence[float]:
        """The reward of each example with its program, in their order."""
        ...


@dataclass
class RunningAverage:
    """An exponential average of rewards; the first batch is its beginning."""

    value: float | None = None

    def update(self, rewards: Tensor) -> float:
        """The average before these rewards, which then enter it."""
        mean = float(rewards.mean())
        before = mean if self.value is None else self.value
        self.value = MEMORY * before + (1 - MEMORY) * mean
        return before


def leave_one_out(rewards: Tensor) -> Tensor:
    """Advantages of rewards `[B, k]` over the mean of the other k - 1 of the same example."""
    count = rewards.shape[1]
    return (rewards - rewards.mean(1, keepdim=True)) * (count / (count - 1))


@dataclass(frozen=True)
class Prices:
    """What the objective counts beside the reward.

    Attributes:
        entropy: Reward of a nat of entropy.
        kl: Price of a nat of divergence from the start.
    """

    entropy: float = 0.0
    kl: float = 0.0


def policy_loss(
    policy: PathDistribution,
    programs: Sequence[Sequence[Program]],
    advantages: Tensor,
    prices: Prices,
    start: PathDistribution | None = None,
) -> Tensor:
    """A loss whose gradient is minus that of the expected reward, and of the priced terms.

    Args:
        policy: Of B examples.
        programs: `[B][k]`, drawn from it.
        advantages: `[B, k]`, without gradient.
        prices: Of entropy and divergence.
        start: The distribution that divergence is measured from.
    """
    flat = [program for row in programs for program in row]
    rows = torch.arange(policy.batch).repeat_interleave(advantages.shape[1])
    log_probs = policy.log_prob(flat, rows).view_as(advantages)
    loss = -(advantages.to(log_probs) * log_probs).mean()
    if prices.entropy:
        loss = loss - prices.entropy * policy.entropy().mean()
    if prices.kl and start is not None:
        loss = loss + prices.kl * policy.kl(start).mean()
    return loss
