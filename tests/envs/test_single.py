"""The single environment: Gymnasium's own checks, episodes step by step, and what goes wrong."""

import pickle
import re
import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env, data_equivalence
from playing import lowest, play, uniform

from polar_search.envs import ENV_ID, MaskedObservation, ProgramOfLayersEnv
from polar_search.errors import (
    ConfigError,
    PredictorError,
    ProgramError,
    TaskError,
    UnknownNameError,
)
from polar_search.execution import ProgramEngine, generate_reference
from polar_search.predictor.encoder import make_encoder
from polar_search.program import Program
from polar_search.tasks import Example, Task


@pytest.mark.parametrize(
    "options",
    [{}, {"segmentation": 2}, {"max_repeats": 3, "max_edits": None, "max_depth": 9}],
    ids=["free", "fixed", "deep"],
)
def test_gymnasium_finds_nothing_wrong(options):
    env = gymnasium.make(ENV_ID, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)


def test_importing_the_package_registers_the_environment():
    code = (
        "import gymnasium; "
        "env = gymnasium.make('polar_search.envs:polar_search/ProgramOfLayers-v0')"
        "; env.reset(seed=0); print(env.unwrapped.setting.task.name, env.action_space)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "tracking Discrete(12)\n"


@pytest.mark.parametrize(
    ("options", "actions"),
    [({}, 12), ({"segmentation": 2}, 3), ({"max_repeats": 4}, 20), ({"max_repeats": 1}, 8)],
)
def test_the_number_of_actions(options, actions):
    assert ProgramOfLayersEnv(**options).action_space.n == actions


def test_an_episode_step_by_step(env):
    observation, info = env.reset(options={"example_id": "tracking-train-1-001"})
    assert info["example_id"] == "tracking-train-1-001"
    assert (observation["executions"] == -1).all()
    for action, executions, starts, depth in [
        (1, [0, 0, -1, -1, -1, -1, -1, -1], [1, 0, 0, 0, 0, 0, 0, 0], 0),  # skip 2
        (10, [0, 0, 2, 2, 2, -1, -1, -1], [1, 0, 1, 0, 0, 0, 0, 0], 6),  # run 3 twice
    ]:
        observation, reward, terminated, truncated, info = env.step(action)
        assert (reward, terminated, truncated) == (0, False, False)
        assert observation["executions"].tolist() == executions
        assert observation["starts"].tolist() == starts
        assert observation["depth"].tolist() == [depth / 8]
        assert "program" not in info
    assert observation["position"].tolist() == [5 / 8]
    assert info["action_mask"].tolist() == [0] * 4 + [1, 1, 1, 0] + [0] * 4  # two edits are made
    _, reward, terminated, truncated, info = env.step(6)
    assert (terminated, truncated) == (True, False)
    assert (info["program"], info["depth"]) == ("S2 R3 K3", 9)
    assert reward == pytest.approx(info["verdict"] - 0.1 * 9 / 8)


def test_an_episode_ends_with_what_the_reference_answers(env):
    setting, policy = env.setting, uniform(0)
    for example in setting.examples[::5]:
        _, info = play(env, policy, options={"example_id": example.id})
        program = Program.parse(info["program"], 8)
        assert program in setting.space
        model, tokenizer = setting.engine.model, setting.engine.tokenizer
        prompt, length = setting.task.prompt(example, tokenizer), setting.task.max_new_tokens
        [alone] = generate_reference(model, tokenizer, [prompt], program, length)
        assert info["text"] == alone.text
        assert info["verdict"] == setting.task.grade(example, alone.text).correct


def test_rewards_are_configurable():
    env = ProgramOfLayersEnv(correct_reward=5, depth_penalty=0.5, segmentation=4)
    keep = {"example_id": "tracking-train-1-001"}
    _, info = play(env, lambda masks: [1], options=keep)
    rewards, _ = play(env, lambda masks: [1], options=keep)
    assert rewards == [0, 5 * info["verdict"] - 0.5]


@pytest.mark.parametrize("action", [-1, 12, 10**30, 3.0, "keep", None, [1, 2], [[1], [2, 3]], {}])
def test_an_invalid_action_ends_the_episode_and_never_raises(env, action):
    env.reset(seed=0)
    _, reward, terminated, _, info = env.step(action)
    assert (reward, terminated, info["invalid_action"]) == (-1, True, True)
    assert "program" not in info


def test_an_action_that_the_mask_forbids_is_invalid():
    env = ProgramOfLayersEnv(max_edits=0, invalid_reward=-3)
    env.reset(seed=0)
    assert env.action_masks().tolist() == [False] * 4 + [True] * 4 + [False] * 4
    _, reward, terminated, _, info = env.step(0)
    assert (reward, terminated, info["invalid_action"]) == (-3, True, True)
    assert info["action_mask"].tolist() == [1] + [0] * 11
    with pytest.raises(ResetNeeded, match="received a step after its end"):
        env.step(4)


@pytest.mark.parametrize("action", [4, np.int64(4), np.array(4), np.array([4], np.int32)])
def test_actions_come_as_any_integer(env, action):
    env.reset(seed=0)
    assert not env.step(action)[4]["invalid_action"]


def test_one_seed_one_course(env):
    first = [play(env, uniform(3), seed=7) for _ in range(2)]
    assert data_equivalence(first[0], first[1], exact=True)
    drawn = {play(env, lowest, seed=seed)[1]["example_id"] for seed in range(8)}
    assert len(drawn) > 1


def test_a_pickled_environment_goes_on_where_it_was(env):
    env.reset(seed=4)
    env.step(5)
    data = pickle.dumps(env)
    assert len(data) < 500_000  # the model stays at home
    copy = pickle.loads(data)
    assert data_equivalence(copy.step(5), env.step(5), exact=True)
    assert data_equivalence(play(copy, uniform(0)), play(env, uniform(0)), exact=True)


def test_a_pickled_environment_goes_on_in_another_process(env, tmp_path):
    env.reset(seed=4)
    env.step(5)
    (tmp_path / "env").write_bytes(pickle.dumps(env))
    code = "import pickle; env = pickle.load(open('env', 'rb')); print(env.step(7)[0]['depth'][0]);"
    code += "print(env.step(5)[4]['text'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    depth, text = env.step(7)[0]["depth"][0], env.step(5)[4]["text"]
    assert done.stdout == f"{depth}\n{text}\n"


def test_an_engine_that_is_given_is_used_and_not_pickled(env):
    own = gymnasium.make(ENV_ID, model=env.setting.engine).unwrapped
    assert own.setting.engine is env.setting.engine
    with pytest.raises(ConfigError, match="made from the name of a model"):
        pickle.dumps(own)


def test_masks_in_three_places_are_one():
    env = MaskedObservation(gymnasium.make(ENV_ID, max_depth=6))
    check_env(gymnasium.make(ENV_ID).unwrapped, skip_render_check=True)
    observation, info = env.reset(seed=0)
    over = False
    while not over:
        assert observation in env.observation_space
        masks = env.get_wrapper_attr("action_masks")()
        assert observation["action_mask"].tolist() == info["action_mask"].tolist() == [*masks]
        observation, _, over, _, info = env.step(lowest(info["action_mask"]))
    assert info["depth"] <= 6


def test_the_prompt_is_the_mean_of_the_models_own_embeddings(env):
    observation, _ = env.reset(options={"example_id": "tracking-train-1-001"})
    engine = env.setting.engine
    ids = engine.tokenizer(env.setting.examples[0].question)["input_ids"]
    mean = engine.model.get_input_embeddings().weight[ids].mean(0).numpy()
    assert np.allclose(observation["prompt"], mean / np.sqrt((mean**2).mean()), atol=1e-5)


def letters(prompts):
    return [[prompt.count("a"), len(prompt), 1.0] for prompt in prompts]


def test_an_encoder_of_ones_own():
    env = ProgramOfLayersEnv(encoder=letters, limit=5)
    observation, _ = env.reset(seed=0)
    assert env.observation_space["prompt"].shape == (3,)
    assert observation in env.observation_space
    assert np.sqrt(np.mean(observation["prompt"] ** 2)) == pytest.approx(1)


def test_encoders_by_name_are_the_predictors():
    env = ProgramOfLayersEnv(encoder="base:2", limit=5)
    observation, _ = env.reset(options={"example_id": "tracking-train-1-001"})
    engine = env.setting.engine
    prompt = [env.setting.examples[0].question]
    [tokens] = make_encoder("base:2", engine.model, engine.tokenizer).encode(prompt)
    mean = tokens.mean(0).numpy()
    assert np.allclose(observation["prompt"], mean / np.sqrt((mean**2).mean()), atol=1e-5)


def test_outcomes_are_remembered_up_to_a_bound():
    env = ProgramOfLayersEnv(remember=2)
    programs = [Program.parse(text) for text in ("K8", "K7 S1", "K6 S2")]
    ids, stats = ["tracking-train-1-001"] * 3, env.setting.engine.stats

    def executed(first, last):
        before = stats.rows
        env.evaluate(ids[first:last], programs[first:last])
        return stats.rows - before

    assert [executed(0, 2), executed(0, 2), executed(2, 3), executed(1, 3), executed(0, 1)] == [
        *(2, 0, 1, 0, 1)
    ]


def test_whole_programs_are_evaluated_in_order(env):
    programs = [Program.parse("R4 K4"), Program.identity(8), Program.parse("R4 K4")]
    ids = ["tracking-train-1-002", "tracking-train-1-001", "tracking-train-1-002"]
    before = env.setting.engine.stats.rows
    outcomes = env.evaluate(ids, programs)
    assert [(o.example_id, o.program) for o in outcomes] == list(zip(ids, programs, strict=True))
    assert env.setting.engine.stats.rows == before + 2
    for outcome in outcomes:
        expected = outcome.correct - 0.1 * outcome.program.depth / 8
        assert env.reward(outcome) == pytest.approx(expected)


def test_levels_split_and_limit_choose_the_examples():
    env = ProgramOfLayersEnv(split="val", levels=[2, 4], limit=3, task="arithmetic")
    assert [example.level for example in env.setting.examples] == [2, 2, 2, 4, 4, 4]
    assert all("val" in example.id for example in env.setting.examples)


class NoExamples(Task):
    name = "none"
    bundled_model = "bundled-tracking"

    def examples(self, split):
        return []

    def grade(self, example, text):
        raise NotImplementedError


class Twins(NoExamples):
    def examples(self, split):
        return [Example("one", 1, "a.b=", "ab")] * 2


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"segments": 2}, ConfigError, "received 'segments'; correct the name"),
        ({"max_depth": 2, "max_edits": 1}, ConfigError, "expected max_depth of 4 or more"),
        ({"max_depth": 2, "max_edits": 0}, ConfigError, "expected max_depth of 8 or more"),
        ({"segmentation": 3}, ConfigError, "sum to 8 layers, received 3"),
        ({"depth_penalty": float("nan")}, ConfigError, "depth_penalty to be a finite number"),
        ({"remember": -1}, ConfigError, "remember to be an integer of 0 or more"),
        ({"remember": None}, ConfigError, "remember to be an integer of 0 or more"),
        ({"limit": 0}, ConfigError, "limit to be an integer of 1 or more"),
        ({"task": 3}, ConfigError, "expected task to be a name or a task, received 3"),
        ({"model": None}, ConfigError, "a name or an engine, received None"),
        ({"encoder": 3}, ConfigError, "encoder to be a name or a function, received 3"),
        ({"task": Twins()}, TaskError, "an id of its own for every example of task"),
        ({"levels": 2}, ConfigError, "levels to be a list, received 2"),
        ({"levels": [9]}, TaskError, r"\(1, 2, 3, 4, 5\), received 9"),
        ({"split": "tests"}, TaskError, "received 'tests'; choose from train"),
        ({"task": NoExamples()}, TaskError, "expected examples in split 'train'"),
        ({"task": "trakking"}, UnknownNameError, "did you mean tracking"),
        ({"model": "bundled-trackin"}, UnknownNameError, "did you mean bundled-tracking"),
        ({"render_mode": "human"}, ConfigError, "ansi or rgb_array, received 'human'"),
        ({"encoder": lambda prompts: [1.0]}, ConfigError, r"received shape \(1,\)"),
        ({"encoder": lambda prompts: [[]]}, ConfigError, r"received shape \(1, 0\)"),
        ({"encoder": lambda prompts: [[float("inf")]]}, ConfigError, "expected finite numbers"),
        ({"encoder": "base:9"}, PredictorError, "an encoder of 0 to 8 layers"),
    ],
)
def test_options_that_cannot_work(options, error, message):
    with pytest.raises(error, match=message):
        ProgramOfLayersEnv(**options)


def test_an_encoder_that_changes_its_mind():
    env = ProgramOfLayersEnv(encoder=lambda prompts: [[1.0] * len(prompts[0])])
    with pytest.raises(ConfigError, match="expected vectors of 10 numbers"):
        env.reset(options={"example_id": "tracking-train-5-001"})


def test_resets_that_cannot_work(env):
    with pytest.raises(ResetNeeded):
        env.step(0)
    with pytest.raises(ResetNeeded):
        env.action_masks()
    with pytest.raises(ConfigError, match=re.escape("reset (example_id), received 'example'")):
        env.reset(options={"example": "x"})
    with pytest.raises(TaskError, match="such as 'tracking-train-1-001', received 'x'"):
        env.reset(options={"example_id": "x"})
    with pytest.raises(TaskError, match=re.escape("received ['x']")):
        env.reset(options={"example_id": ["x"]})
    with pytest.raises(ProgramError, match=re.escape("expected programs, received [0, 1]")):
        env.evaluate(["tracking-train-1-001"], [[0, 1]])
    with pytest.raises(ProgramError, match="expected a program for 8 layers"):
        env.evaluate(["tracking-train-1-001"], [Program.identity(9)])
    with pytest.raises(TaskError, match="received 'x'"):
        env.evaluate(["x"], [Program.identity(8)])
    with pytest.raises(ConfigError, match="a program for each of 2 examples, received 1"):
        env.evaluate(["tracking-train-1-001"] * 2, [Program.identity(8)])


def test_the_engine_of_a_process_is_shared_while_it_is_used(env):
    assert isinstance(env.setting.engine, ProgramEngine)
    assert ProgramOfLayersEnv().setting.engine is env.setting.engine
