"""Real clients: stable-baselines3 through the adapter, and the REINFORCE script."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from playing import play_round, uniform
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecMonitor
from stable_baselines3.common.vec_env.base_vec_env import VecEnv

from polar_search.envs import ProgramOfLayersEnv, ProgramOfLayersVectorEnv
from polar_search.envs.sb3 import ProgramVecEnv
from polar_search.errors import ConfigError

OPTIONS = {"segmentation": 2, "max_edits": None}
IDS = [f"tracking-val-{level}-{number:03}" for level in range(1, 6) for number in range(1, 41)]


def rewards_of(model, **arguments):
    """Rewards of a trained client's likeliest actions on the examples `IDS`, which it never saw."""
    envs = ProgramOfLayersVectorEnv(len(IDS), split="val", **OPTIONS)
    (observations, _), over = envs.reset(options={"example_ids": IDS}), np.zeros(1, bool)
    while not over.all():
        masks = {"action_masks": envs.action_masks()} if arguments.get("masked") else {}
        actions, _ = model.predict(observations, deterministic=True, **masks)
        observations, rewards, over, _, _ = envs.step(actions)
    return rewards


@pytest.mark.slow
@pytest.mark.parametrize("client", [PPO, MaskablePPO])
def test_clients_learn_within_a_few_thousand_steps(client):
    torch.set_num_threads(1)
    envs = ProgramVecEnv(64, limit=100, **OPTIONS)
    settings = {"n_steps": 16, "batch_size": 256, "n_epochs": 8, "learning_rate": 1e-3}
    model = client("MultiInputPolicy", envs, gamma=1.0, ent_coef=0.003, seed=0, **settings)
    model.learn(4096)
    trained = rewards_of(model, masked=client is MaskablePPO)
    val = ProgramOfLayersVectorEnv(len(IDS), split="val", **OPTIONS)
    chance, _ = play_round(val, uniform(0), options={"example_ids": IDS})
    gain = trained - chance  # pairs: the same examples
    assert gain.mean() - 1.96 * gain.std() / len(gain) ** 0.5 > 0.1


@pytest.mark.slow
def test_the_reinforce_script_learns():
    script = Path(__file__).parents[2] / "experiments" / "reinforce_env.py"
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, env=os.environ
    )
    _, (before, width), (after, other) = (
        map(float, match) for match in re.findall(r"reward (\S+) \+- (\S+) ", done.stdout)
    )
    assert after - other > before + width


def test_an_unmasked_client_runs_into_invalid_actions_and_goes_on():
    envs = VecMonitor(ProgramVecEnv(8, limit=5, max_edits=1))
    model = PPO("MultiInputPolicy", envs, n_steps=16, batch_size=64, n_epochs=1, seed=0)
    model.learn(256)
    assert len(envs.episode_returns) == 8
    mean, _ = evaluate_policy(model, envs, n_eval_episodes=8, warn=False)
    assert -1 <= mean <= 1


def test_stable_baselines_finds_nothing_wrong(recwarn):
    check_env(ProgramOfLayersEnv(limit=5), warn=True)
    assert not [str(warning.message) for warning in recwarn]


def test_the_adapter_gives_what_the_vector_environment_gives():
    ours = ProgramVecEnv(4, limit=5)
    theirs = ProgramOfLayersVectorEnv(4, limit=5)
    assert isinstance(ours, VecEnv)
    assert is_masking_supported(ours)
    policy = uniform(0)
    ours.seed(3)
    observations = ours.reset()
    expected, infos = theirs.reset(seed=3)
    while True:
        assert all(np.array_equal(observations[key], expected[key]) for key in expected)
        masks = get_action_masks(ours)
        assert np.array_equal(masks, infos["action_mask"])
        actions = policy(masks)
        observations, rewards, dones, told = ours.step(actions)
        expected, their_rewards, over, _, infos = theirs.step(actions)
        assert np.allclose(rewards, their_rewards)
        assert np.array_equal(dones, over)
        if dones.all():
            break
        assert [info["waiting"] for info in told] == infos["waiting"].tolist()
    last = told[2]["terminal_observation"]
    assert all(np.array_equal(last[key], expected[key][2]) for key in expected)
    assert [info["program"] for info in told] == infos["program"].tolist()
    assert (observations["position"] == 0).all()  # the next round


def test_the_adapter_hands_options_and_seeds_to_the_next_reset():
    envs = ProgramVecEnv(2, limit=5, render_mode="rgb_array")
    envs.set_options([{"example_id": "tracking-train-2-001"}] * 2)
    envs.reset()
    assert [info["example_id"] for info in envs.reset_infos] == ["tracking-train-2-001"] * 2
    courses = []
    for _ in range(2):
        envs.seed(1)
        envs.reset()
        courses.append([info["example_id"] for info in envs.reset_infos])
    assert courses[0] == courses[1] != ["tracking-train-2-001"] * 2
    assert envs.render().shape[-1] == 3
    assert envs.get_attr("num_envs", indices=0) == [2]
    assert not envs.has_attr("unheard_of")


def test_a_single_environment_serves_masks_too():
    env = ProgramOfLayersEnv(limit=5)
    model = MaskablePPO("MultiInputPolicy", env, n_steps=32, batch_size=32, n_epochs=1, seed=0)
    model.learn(64)
    returns = [episode["r"] for episode in model.ep_info_buffer]
    assert returns
    assert min(returns) > -0.5  # an invalid action would give -1


def test_without_the_library_the_adapter_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("stable_baselines3")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "polar_search.envs.sb3")
    with pytest.raises(ConfigError, match=r"pip install 'polar-search\[rl\]'"):
        import polar_search.envs.sb3  # noqa: F401
