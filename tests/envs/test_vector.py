"""The vector environment: equal to single ones, one engine batch a round, declared modes."""

import pickle
import re

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics
from playing import lowest, play, play_round, uniform

from polar_search.envs import (
    ENV_ID,
    ProgramOfLayersEnv,
    ProgramOfLayersVectorEnv,
    VectorMaskedObservation,
)
from polar_search.errors import ConfigError, TaskError
from polar_search.program import Program

FIVE = [f"tracking-train-{level}-001" for level in range(1, 6)]


@pytest.fixture
def envs():
    return ProgramOfLayersVectorEnv(5, limit=5)


def test_gymnasium_makes_it_and_its_observations_fit():
    envs = gymnasium.make_vec(ENV_ID, num_envs=3, limit=5)
    assert isinstance(envs.unwrapped, ProgramOfLayersVectorEnv)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    observations, _ = envs.reset(seed=0)
    assert observations in envs.observation_space
    for _ in range(20):
        observations, rewards, terminated, truncated, _ = envs.step(envs.action_space.sample())
        assert observations in envs.observation_space
        assert rewards.shape == terminated.shape == truncated.shape == (3,)
        assert (rewards.dtype, terminated.dtype) == (np.float64, np.bool_)
        assert not truncated.any()


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_with_fixed_segments_it_is_gymnasiums_own_vector_of_single_environments(mode):
    """Their episodes end together by themselves, so that every return value must be the same."""
    options = {"segmentation": 2, "limit": 5}
    singles = gymnasium.make_vec(
        ENV_ID, 4, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}, **options
    )
    together = ProgramOfLayersVectorEnv(4, autoreset_mode=mode, **options)
    policy = uniform(1)
    expected, received = singles.reset(seed=5), together.reset(seed=5)
    for _ in range(15):
        assert data_equivalence(expected[0], received[0], exact=True)
        infos, waiting = dict(received[-1]), received[-1]["waiting"]
        assert not waiting.any()
        assert expected[-1]["example_id"].tolist() == infos["example_id"].tolist()
        actions = policy(infos["action_mask"].astype(bool))
        expected, received = singles.step(actions), together.step(actions)
        for ours, theirs in zip(received[1:4], expected[1:4], strict=True):
            assert data_equivalence(ours, theirs, exact=True)
        if mode == "SameStep" and received[2].all():
            finals = zip(received[-1]["final_obs"], expected[-1]["final_obs"], strict=True)
            assert all(data_equivalence(ours, theirs, exact=True) for ours, theirs in finals)
            texts = (infos["final_info"]["text"].tolist() for infos in (received[4], expected[4]))
            assert next(texts) == next(texts)


def test_each_slot_gets_what_a_single_environment_gets(envs):
    single, policy = ProgramOfLayersEnv(limit=5), uniform(2)
    rewards, infos = play_round(envs, policy, options={"example_ids": FIVE})
    programs = [Program.parse(text, 8) for text in infos["program"]]
    for slot, outcome in enumerate(single.evaluate(FIVE, programs)):
        assert rewards[slot] == pytest.approx(single.reward(outcome))
        assert infos["text"][slot] == outcome.text
        assert infos["verdict"][slot] == outcome.correct
        assert infos["depth"][slot] == outcome.program.depth


def test_a_round_is_one_engine_batch(envs, monkeypatch):
    batches = []
    engine = envs.setting.engine
    generate = engine.generate

    def counted(rows, **options):
        batches.append(len(rows))
        return generate(rows, **options)

    monkeypatch.setattr(engine, "generate", counted)
    play_round(envs, uniform(0), options={"example_ids": FIVE})
    assert batches == [5]


def test_episodes_that_are_decided_wait_for_the_others():
    envs = ProgramOfLayersVectorEnv(3, limit=5)
    envs.reset(options={"example_ids": [FIVE[0]] * 3})
    envs.step([7, 4, 99])  # keep 4, keep 1, invalid
    _, rewards, over, _, infos = envs.step([7, 4, 5])  # the first is decided now
    assert infos["waiting"].tolist() == [True, False, True]
    assert infos["action_mask"][0].tolist() == [1] + [0] * 11
    assert (rewards.tolist(), over.any()) == ([0, 0, 0], False)
    for _ in range(5):
        assert not over.any()
        _, rewards, over, _, infos = envs.step([11, 4, -5])  # waiting episodes ignore theirs
    _, rewards, over, _, infos = envs.step([0, 4, 0])
    assert over.all()
    assert infos["program"].tolist() == ["K8", "K8", None]
    assert infos["invalid_action"].tolist() == [False, False, True]
    assert infos["_verdict"].tolist() == [True, True, False]
    assert rewards[0] == rewards[1] == infos["verdict"][0] - 0.1
    assert rewards[2] == -1


def test_slots_of_one_example(envs):
    ids = [FIVE[2]] * 4 + [FIVE[0]]
    _, infos = envs.reset(options={"example_ids": ids})
    assert infos["example_id"].tolist() == ids


def test_the_step_after_a_round_begins_the_next(envs):
    _, infos = play_round(envs, uniform(0), seed=0)
    last = infos["example_id"].tolist()
    observations, rewards, over, _, infos = envs.step([-1] * 5)
    assert (observations["position"] == 0).all()
    assert (rewards.tolist(), over.any()) == ([0] * 5, False)
    assert not infos["invalid_action"].any()
    assert infos["example_id"].tolist() != last


def test_without_autoreset_a_round_must_be_begun():
    envs = ProgramOfLayersVectorEnv(2, autoreset_mode="Disabled", limit=5)
    with pytest.raises(ResetNeeded):
        envs.step([4, 4])
    play_round(envs, uniform(0), seed=0)
    with pytest.raises(ResetNeeded, match=r"call reset\(\)"):
        envs.step([4, 4])
    envs.reset(options={"reset_mask": np.ones(2, bool)})
    envs.step([4, 4])


def test_one_seed_one_course(envs):
    first, again = (play_round(envs, uniform(4), seed=9) for _ in range(2))
    assert data_equivalence(list(first), list(again), exact=True)
    other = play_round(envs, uniform(4), seed=10)
    assert other[1]["example_id"].tolist() != first[1]["example_id"].tolist()


def test_a_pickled_vector_goes_on_where_it_was(envs):
    envs.reset(seed=3)
    envs.step([5] * 5)
    copy = pickle.loads(pickle.dumps(envs))
    for policy in (lowest, uniform(0)):
        actions = policy(envs.action_masks())
        assert data_equivalence(list(copy.step(actions)), list(envs.step(actions)), exact=True)


def test_gymnasiums_wrappers_work_on_it():
    envs = DictInfoToList(RecordEpisodeStatistics(ProgramOfLayersVectorEnv(3, segmentation=4)))
    _, infos = envs.reset(seed=0)
    for _ in range(2):
        _, rewards, over, _, infos = envs.step([1, 1, 99])
    assert over.all()
    assert [info["episode"]["r"] for info in infos] == pytest.approx(rewards)
    assert ["program" in info for info in infos] == [True, True, False]


def test_the_wrapper_puts_masks_into_observations(envs):
    masked = VectorMaskedObservation(envs)
    observations, infos = masked.reset(seed=0)
    assert observations in masked.observation_space
    assert (observations["action_mask"] == infos["action_mask"]).all()
    observations, _, _, _, infos = masked.step([7] * 5)
    assert (observations["action_mask"] == infos["action_mask"]).all()
    with pytest.raises(ConfigError, match="received SameStep"):
        VectorMaskedObservation(ProgramOfLayersVectorEnv(1, autoreset_mode="SameStep"))


def test_whole_programs_are_evaluated_as_one_batch(envs):
    programs = [Program.identity(8), Program.parse("R4 K4"), Program.parse("K4 S2 K2")]
    outcomes = envs.evaluate([FIVE[1]] * 3, programs)
    assert [outcome.program for outcome in outcomes] == programs
    single = ProgramOfLayersEnv(limit=5)
    for outcome in outcomes:
        assert single.evaluate([FIVE[1]], [outcome.program]) == [outcome]
        actions = {"K8": [7, 7], "R4 K4": [11, 7], "K4 S2 K2": [7, 1, 5]}[str(outcome.program)]
        course = iter(actions)
        rewards, _ = play(single, lambda _: [next(course)], options={"example_id": FIVE[1]})  # noqa: B023
        assert rewards[-1] == envs.reward(outcome)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_envs": 0}, "num_envs of 1 or more, received 0"),
        ({"autoreset_mode": "never"}, "NextStep, SameStep, Disabled, received 'never'"),
        ({"render_mode": "human"}, "ansi or rgb_array"),
        ({"lambda_": 1}, "received 'lambda_'; correct the name"),
    ],
)
def test_options_that_cannot_work(options, message):
    with pytest.raises(ConfigError, match=message):
        ProgramOfLayersVectorEnv(**options)


def test_calls_that_cannot_work(envs):
    for call in (envs.action_masks, lambda: envs.step([4] * 5)):
        with pytest.raises(ResetNeeded, match=r"call reset\(\)"):
            call()
    for options, message in [
        ({"example_id": FIVE[0]}, "reset (example_ids, reset_mask), received 'example_id'"),
        ({"example_ids": FIVE[:2]}, "expected 5 example_ids"),
        ({"example_ids": "abcde"}, "expected 5 example_ids"),
        ({"example_ids": 5}, "expected 5 example_ids"),
        ({"reset_mask": np.array([True] * 4 + [False])}, "a reset_mask of all episodes"),
    ]:
        with pytest.raises(ConfigError, match=re.escape(message)):
            envs.reset(options=options)
    with pytest.raises(TaskError, match="received 'x'"):
        envs.reset(options={"example_ids": [*FIVE[:4], "x"]})
    envs.reset()
    for actions in ([4, 4], 4, None, np.array(4), [[4], [4, 4]]):
        with pytest.raises(ConfigError, match="expected 5 actions, one an episode, received"):
            envs.step(actions)
