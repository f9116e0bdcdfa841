"""The Optuna agent: samplers by name, duplicates, pruning, storage, and what it learns."""

import optuna
import pytest
from landscapes import near_a_target, outcome, search
from scipy.stats import wilcoxon

from polar_search.agents.optuna import OptunaAgent
from polar_search.agents.random import RandomAgent
from polar_search.errors import ConfigError, UnknownNameError
from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import DATASET, Context

SPACE = ProgramSpace(12, max_edits=2)
SMALL = ProgramSpace(8, segmentation=2)
IDENTITY = Program.identity(12)
EXAMPLE = Context("example", "1 + 1?")


def fresh(space=SPACE, seed=0, context=EXAMPLE, **options):
    agent = OptunaAgent(space, seed, **options)
    agent.prepare(context)
    return agent


@pytest.mark.parametrize(
    "sampler",
    ["TPESampler", "RandomSampler", "NSGAIISampler", "GPSampler", "QMCSampler"],
)
def test_samplers_are_found_by_name(sampler):
    found = search(fresh(sampler=sampler, relaxed=sampler == "QMCSampler"), lambda p: True, 24, 8)
    assert len(found) == 24


def test_brute_force_finds_all_of_a_small_space():
    found = search(fresh(SMALL, sampler="BruteForceSampler"), lambda p: False, 1000, 16)
    assert {proposal.program for proposal, _ in found} == set(SMALL) - {Program.identity(8)}


def test_names_and_options_that_optuna_does_not_know_are_refused():
    with pytest.raises(UnknownNameError, match="an Optuna sampler, received 'TPESamplr'; did you"):
        OptunaAgent(SPACE, 0, sampler="TPESamplr")
    with pytest.raises(UnknownNameError, match="an Optuna pruner, received 'Median'"):
        OptunaAgent(SPACE, 0, scope="dataset", pruner="Median")
    with pytest.raises(ConfigError, match=r"options of Optuna's TPESampler, received .*'gama': 1"):
        OptunaAgent(SPACE, 0, sampler_options={"gama": 1})
    with pytest.raises(ConfigError, match="a pruner only with scope=dataset and one objective"):
        OptunaAgent(SPACE, 0, pruner="MedianPruner")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("polar_search.agents.optuna.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"the package cmaes, .* `pip install cmaes`"):
        OptunaAgent(SPACE, 0, sampler="CmaEsSampler")


def test_every_trial_has_the_value_of_its_program():
    agent = fresh(SMALL, retries=3)
    is_valid = near_a_target(SMALL, 0)
    search(agent, is_valid, 40, 8)
    trials = agent._study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    programs = [agent._encoding.decode(trial.params) for trial in trials]
    assert len(set(programs)) < len(programs)  # some were asked again
    for program, trial in zip(programs, trials, strict=True):
        if program is None:
            assert trial.value == 0
        else:
            worth = 1 - 0.1 * program.depth / 8
            assert trial.value == pytest.approx(worth if is_valid(program) else 0)


def test_a_front_has_two_values():
    agent = fresh(sampler="NSGAIISampler", pareto=True)
    search(agent, lambda p: p.depth > 10, 20, 5)
    assert len(agent._study.directions) == 2
    front = {tuple(trial.values) for trial in agent._study.best_trials}
    assert (1.0, 11.0) in front
    assert {share for share, _ in front} <= {0.0, 1.0}


def test_programs_that_do_badly_are_withdrawn():
    context = Context(DATASET, "", examples=4)
    agent = fresh(context=context, scope="dataset", pruner="MedianPruner", depth_price=0)

    def tell(programs, names, valid):
        agent.tell([outcome(p, valid) for p in programs for _ in names])

    tell([IDENTITY], "ab", True)
    assert agent.withdraw() == []
    tell([IDENTITY], "cd", True)
    for valid in (True, True, True, True, True):  # the pruner lets five trials pass
        programs = [proposal.program for proposal in agent.ask(1)]
        tell(programs, "ab", valid)
        assert agent.withdraw() == []
        tell(programs, "cd", valid)
    good, bad = (proposal.program for proposal in agent.ask(2))
    agent.tell([outcome(good, True)] * 2 + [outcome(bad, False)] * 2)
    assert agent.withdraw() == [bad]
    tell([good], "cd", True)
    states = [trial.state.name for trial in agent._study.get_trials()]
    assert states.count("PRUNED") == 1
    assert "RUNNING" not in states


def test_studies_are_in_a_database_and_begun_anew(tmp_path):
    storage = f"sqlite:///{tmp_path / 'studies.db'}"
    asked = [
        [p.program for p, _ in search(fresh(storage=storage), lambda p: True, 8, 4)]
        for _ in range(2)
    ]
    assert asked[0] == asked[1]
    [study] = optuna.get_all_study_summaries(storage)
    assert study.study_name == "polar-search example"
    assert study.n_trials >= 9


@pytest.mark.slow
def test_it_finds_more_valid_programs_than_random_search():
    """At 100 programs, over 20 landscapes, paired; one-sided Wilcoxon, p < 0.01."""
    more = []
    for seed in range(20):
        is_valid = near_a_target(SPACE, seed)
        tpe = search(fresh(seed=seed), is_valid, 100)
        random = search(RandomAgent(SPACE, seed), is_valid, 100)
        more.append(sum(v for _, v in tpe) - sum(v for _, v in random))
    assert wilcoxon(more, alternative="greater").pvalue < 0.01
