"""Static programs by Ray Tune and Optuna: the Pareto front, early stops, going on."""

import json

import pytest
from clustering import rows_stored

from polar_search import cli
from polar_search.cluster.config import TuneConfig
from polar_search.cluster.tuning import static_programs
from polar_search.errors import ConfigError
from polar_search.program import Program
from polar_search.search.outcome import Outcome
from polar_search.search.store import Fingerprints, Store

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


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["value", "pareto"])
def test_trials_are_counted_over_runs_and_nothing_is_executed_twice(tmp_path, capfd, objective):
    arguments = ["tune", "--config", "experiments/tune_static_program.yaml", "--limit", "4"]
    arguments += ["--chunk", "10", "--objective", objective, "--out", str(tmp_path)]
    assert cli.main([*arguments, "--trials", "3"]) == 0
    first = json.loads((tmp_path / "static_programs.json").read_text())
    assert "K8" in {one["program"] for one in first}
    assert all(one["accuracy"]["n"] == 20 for one in first)

    assert cli.main([*arguments, "--trials", "5"]) == 0
    second = json.loads((tmp_path / "static_programs.json").read_text())
    assert {one["program"] for one in first} <= {one["program"] for one in second}
    outcomes = rows_stored(tmp_path)
    assert outcomes <= 5 * 20

    assert cli.main([*arguments, "--trials", "5"]) == 0
    assert rows_stored(tmp_path) == outcomes
    assert "programs were tried on all examples" in capfd.readouterr().out
