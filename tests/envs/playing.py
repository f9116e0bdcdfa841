"""Episodes played by a policy: a function from masks, [B, actions], to actions, [B]."""

import numpy as np


def uniform(seed):
    """The policy that takes every allowed action with the same probability."""
    rng = np.random.default_rng(seed)

    def act(masks):
        noise = rng.random(masks.shape)
        return np.where(masks, noise, -1.0).argmax(-1)

    return act


def lowest(masks):
    """Takes the allowed action of the smallest number."""
    return np.asarray(masks).argmax(-1)


def play(env, policy, **reset):
    """One episode of a single environment: its rewards and its last info."""
    _, info = env.reset(**reset)
    rewards, over = [], False
    while not over:
        action = policy(info["action_mask"][None].astype(bool))[0]
        _, reward, over, _, info = env.step(action)
        rewards.append(reward)
    return rewards, info


def play_round(env, policy, **reset):
    """One round of a vector environment: rewards of its last step and its last infos."""
    _, infos = env.reset(**reset)
    over = np.zeros(env.num_envs, bool)
    while not over.any():
        _, rewards, over, _, infos = env.step(policy(infos["action_mask"].astype(bool)))
    assert over.all()
    return rewards, infos
