"""Static programs by Ray Tune and Optuna: the Pareto front, early stops, going on."""

import json

import pytest
import yaml
from clustering import rows_stored

from polar_search import cli
from polar_search.cluster.config import TuneConfig
from polar_search.cluster.predictor_tuning import hyper_space
from polar_search.cluster.tuning import static_programs
from polar_search.errors import ConfigError
from polar_search.predictor.config import TrainConfig
from polar_search.program import Program
from polar_search.search.outcome import Outcome
from polar_search.search.store import Fingerprints, Store, read_outcomes

pytestmark = pytest.mark.timeout(900)  # Ray takes its time where others work, too
SHALLOW, DEEP, WORSE = (Program.from_path(path, 4) for path in ([0, 1], [0, 1, 2, 3], [0, 1, 2]))


def test_programs_tried_on_all_examples_are_ranked_and_the_front_is_marked(tmp_path):
    store = Store(tmp_path, Fingerprints("model", "task", "decoding"), "agent")
    answers = {DEEP: [1, 1, 1, 0], WORSE: [0, 0, 1, 0], SHALLOW: [1, 1, 0, 0]}
    outcomes = [
        Outcome(str(number), 1, program, "", bool(correct))
        for program, correct_ones in answers.items()
        for number, correct in enumerate(correct_ones)
    ]
    early = Program.from_path([0, 1, 2, 3, 2, 3], 4)
    outcomes.append(Outcome("0", 1, early, "", True))  # stopped after one example
    store.append(outcomes, [])
    store.flush()
    found = static_programs(tmp_path, 4)
    assert [(one["program"], one["accuracy"]["value"], one["pareto"]) for one in found] == [
        (str(DEEP), 0.75, True),
        (str(SHALLOW), 0.5, True),
        (str(WORSE), 0.25, False),
    ]
    assert all(one["accuracy"]["n"] == 4 for one in found)
    # Wilson's interval of 3 of 4.
    assert found[0]["accuracy"]["low"] == pytest.approx(0.3006, abs=1e-4)
    assert found[0]["accuracy"]["high"] == pytest.approx(0.9544, abs=1e-4)


def test_options_that_cannot_work():
    with pytest.raises(ConfigError, match="--trials of at least 1, received 0"):
        TuneConfig(trials=0)


STATIC = ["tune", "--config", "experiments/tune_static_program.yaml", "--limit", "2"]


@pytest.mark.slow
@pytest.mark.usefixtures("four_cpus")
def test_trials_are_counted_over_runs_and_nothing_is_executed_twice(tmp_path, capfd):
    arguments = [*STATIC, "--chunk", "5", "--out", str(tmp_path)]
    assert cli.main([*arguments, "--trials", "3"]) == 0
    first = json.loads((tmp_path / "static_programs.json").read_text())
    assert "K8" in {one["program"] for one in first}
    assert all(one["accuracy"]["n"] == 10 for one in first)

    assert cli.main([*arguments, "--trials", "5"]) == 0
    second = json.loads((tmp_path / "static_programs.json").read_text())
    assert {one["program"] for one in first} <= {one["program"] for one in second}
    assert rows_stored(tmp_path) == len(read_outcomes(tmp_path)) <= 5 * 10
    out = capfd.readouterr().out
    assert "5/5 programs: " in out
    assert "programs were tried on all examples" in out


@pytest.mark.slow
@pytest.mark.usefixtures("four_cpus")
def test_bad_programs_are_stopped_early_when_there_is_one_value(tmp_path):
    options = ["--chunk", "1", "--objective", "value", "--trials", "8", "--seed", "1"]
    assert cli.main([*STATIC, *options, "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "static_programs.json").read_text())
    programs = set(read_outcomes(tmp_path)["program"].to_pylist())
    assert 1 <= len(found) < len(programs) <= 8


@pytest.mark.slow
@pytest.mark.usefixtures("four_cpus")
def test_a_predictor_is_tuned_and_the_best_options_train_one(tmp_path, capfd):
    run, out = tmp_path / "run", tmp_path / "tuned"
    search = ["search", "--limit", "2", "--max-edits", "1", "--threads", "1", "--ask-batch", "128"]
    assert cli.main([*search, "--out", str(run)]) == 0
    tune = ["tune-predictor", str(run), "--config", "experiments/tune_predictor.yaml"]
    tune += ["--epochs", "2", "--reinforce-epochs", "0", "--val-limit", "1", "--out", str(out)]
    assert cli.main([*tune, "--trials", "2"]) == 0
    assert cli.main([*tune, "--trials", "3"]) == 0
    trials = [json.loads(path.read_text()) for path in out.glob("trials/*/trial.json")]
    assert len(trials) == 3
    assert all({"lr", "width", "weighting", "loss"} == set(trial["options"]) for trial in trials)
    best = yaml.safe_load((out / "best.yaml").read_text())
    top = max(trials, key=lambda trial: trial["value"])
    assert top["value"] in [t["value"] for t in trials if t["options"]["lr"] == best["lr"]]
    assert "3/3 trainings: value " in capfd.readouterr().out

    assert cli.main([*tune, "--trials", "3", "--val-limit", "2"]) == 2
    assert "begun with, received another val_limit" in capfd.readouterr().err
    train = ["train", str(run), "--config", str(out / "best.yaml")]
    assert cli.main([*train, "--out", str(tmp_path / "predictor")]) == 0


@pytest.mark.parametrize(
    ("hyper", "message"),
    [
        ({}, "expected --hyper with options to try"),
        ({"learning_rate": [1]}, "expected an option of the training .*received 'learning_rate'"),
        ({"depth_price": [0.1]}, "received depth_price in --hyper"),
        ({"width": []}, "expected width in --hyper to be a list, or a mapping"),
        ({"lr": {"low": 0, "high": 1.0, "log": True}}, r"above 0 with log: true\), received"),
        ({"lr": {"low": 2, "high": 1}}, "expected lr in --hyper"),
        ({"batch": {"low": 0, "high": 8}}, "--batch of at least 1, received 0"),
        ({"weighting": ["paper", "plain"]}, "option 'weighting' of the training"),
    ],
)
def test_hyper_parameters_that_cannot_be(hyper, message):
    with pytest.raises(ConfigError, match=message):
        hyper_space(TrainConfig(), hyper)
