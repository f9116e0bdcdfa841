"""REINFORCE on the vector environment, whole: python experiments/reinforce_env.py (a minute)."""

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor, nn
from torch.distributions import Categorical

from polar_search.envs import ENV_ID
from polar_search.program import Program

KEYS = ("prompt", "executions", "starts", "position", "depth")


def distribution(
    network: nn.Module, observations: dict[str, Any], masks: np.ndarray
) -> Categorical:
    """What the network thinks of the allowed actions."""
    inputs = torch.from_numpy(np.concatenate([observations[key] for key in KEYS], axis=1))
    logits = network(inputs).masked_fill(torch.from_numpy(masks) == 0, -torch.inf)
    return Categorical(logits=logits)


def play(envs: VectorEnv, network: nn.Module, **reset: Any) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    """One round: the log-probabilities of its programs and their rewards, [B] each."""
    (observations, infos), over, log_probs = envs.reset(**reset), np.zeros(1, bool), 0.0
    while not over.all():
        policy = distribution(network, observations, infos["action_mask"])
        actions = policy.sample()
        log_probs = log_probs + policy.log_prob(actions)  # those that wait add 0: one choice
        observations, rewards, over, _, infos = envs.step(actions.numpy())
    return log_probs, torch.from_numpy(rewards)


def report(name: str, rewards: Any) -> None:  # noqa: ANN401
    """Mean reward with its 95% interval over examples."""
    half = 1.96 * np.std(rewards) / len(rewards) ** 0.5
    print(f"{name}: mean reward {np.mean(rewards):.3f} +- {half:.3f} (n={len(rewards)})")


torch.manual_seed(0)
torch.set_num_threads(1)
train = gymnasium.make_vec(ENV_ID, num_envs=256, split="train", segmentation=2)
val = gymnasium.make_vec(ENV_ID, num_envs=250, split="val", limit=50, segmentation=2)
width = sum(np.prod(train.single_observation_space[key].shape) for key in KEYS)
actor = nn.Sequential(nn.Linear(int(width), 128), nn.Tanh(), nn.Linear(128, 3))
optimizer = torch.optim.Adam(actor.parameters(), lr=3e-3)
ids = [example.id for example in val.unwrapped.setting.examples]
standard = val.unwrapped.evaluate(ids, [Program.identity(8)] * len(ids))
report("standard pass", [val.unwrapped.reward(outcome) for outcome in standard])
report("before", play(val, actor, options={"example_ids": ids})[1].numpy())
for number in range(60):
    log_probs, rewards = play(train, actor, seed=number)
    loss = -((rewards - rewards.mean()) * log_probs).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
report("after", play(val, actor, options={"example_ids": ids})[1].numpy())
