"""A search from its configuration to its run folder."""

import copy
import json
from dataclasses import fields, replace

import pytest
import torch
from searching import Climber, Watched, outcomes_of, run, stored, trace_of

from polar_search.errors import AgentError, ConfigError, RunError, TaskError, UnknownNameError
from polar_search.execution import Generation, ProgramEngine
from polar_search.program import Program, ProgramSpace
from polar_search.search.config import SearchConfig
from polar_search.search.estimate import estimate
from polar_search.search.evaluation import Evaluator
from polar_search.search.session import Session, agent_factory, select
from polar_search.tasks import TASKS, Example, Task, Verdict

CLIMBER = f"{Climber.__module__}:{Climber.__name__}"
SMALL = {"agent": "random", "budget": 3, "ask_batch": 2}


def chosen(loaded, **options):
    """The loaded session with other examples."""
    return replace(loaded, examples=select(loaded.task, replace(loaded.config, **options)))


def test_a_run_leaves_config_environment_tables_and_summary(loaded, tmp_path):
    progress = run(loaded, tmp_path, **SMALL)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["config"] == json.loads(json.dumps(replace(loaded.config, **SMALL).to_dict()))
    assert config["fixed"]["num_layers"] == 8
    assert config["fixed"]["model fingerprint"] == loaded.engine.fingerprint
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["programs"] == progress.programs == 15 * 4
    assert summary["valid"] == sum(row["correct"] for row in stored(tmp_path)[0])
    assert (summary["broken"], summary["broken_programs"]) == (0, {})
    assert summary["executed"] == 15 * 4
    assert {p.name for p in tmp_path.iterdir()} == {
        *("config.json", "environment.json", "lock", "outcomes", "progress.json"),
        *("summary.json", "trace"),
    }


def test_the_same_command_goes_on(loaded, tmp_path):
    run(loaded, tmp_path, **SMALL)
    before = stored(tmp_path)
    again = run(loaded, tmp_path, **SMALL)
    assert (again.executed, again.reused) == (0, 60)
    assert stored(tmp_path) == before


def test_limit_budget_rows_and_threads_may_grow_and_equal_a_fresh_run(loaded, tmp_path):
    options = {"agent": CLIMBER, "budget": 2, "ask_batch": 2, "limit": 1}
    run(chosen(loaded, limit=1), tmp_path / "grown", **options)
    options |= {"budget": 4, "limit": 2, "rows": 8, "threads": None}
    two = chosen(loaded, limit=2)
    grown = run(two, tmp_path / "grown", **options)
    assert (grown.executed, grown.reused) == (5 * 2 + 5 * 5, 5 * 3)
    run(two, tmp_path / "fresh", **options)
    assert stored(tmp_path / "grown") == stored(tmp_path / "fresh")


CHANGES = {
    **{"task": "arithmetic", "model": "other", "max_new_tokens": 2, "device": "cpu"},
    "device_map": {"": "cpu"},
    "settle": True,
    **{"dtype": "float32", "split": "val", "task_options": {"a": 1}},
    **{"max_segment": 3, "max_repeats": 3},
}
GROW = {
    *("limit", "budget", "rows", "threads", "agent", "agent_options", "seed", "ask_batch", "level"),
    *(
        "stop_after_valid",
        "stop_after_shorter",
        "on_agent_error",
        "ask_seconds",
        "chunk",
        "confirm",
    ),
    *("max_edits", "max_depth", "segmentation"),
}


def test_every_option_either_grows_or_is_refused():
    assert CHANGES.keys() | GROW == {field.name for field in fields(SearchConfig)}


@pytest.mark.parametrize("name", CHANGES)
def test_another_configuration_is_refused_by_the_name_of_the_option(loaded, tmp_path, name):
    run(chosen(loaded, limit=1), tmp_path, **SMALL)
    before = stored(tmp_path)
    with pytest.raises(RunError, match=rf"begun with, {name} = .*, received .*; choose a new"):
        run(loaded, tmp_path, **{**SMALL, name: CHANGES[name]})
    assert stored(tmp_path) == before


@pytest.mark.parametrize(
    "change", [{"agent": "exhaustive"}, {"seed": 1}, {"max_edits": 2}, {"segmentation": (4, 4)}]
)
def test_another_agent_or_space_adds_to_a_run(loaded, tmp_path, change):
    """What it asks is what it asks alone, and nothing that is stored is executed again."""
    one = chosen(loaded, limit=1)
    run(one, tmp_path / "both", **SMALL)
    alone = run(one, tmp_path / "alone", **{**SMALL, **change})
    added = run(one, tmp_path / "both", **{**SMALL, **change})
    assert added.programs == alone.programs
    assert added.executed + added.reused == alone.executed
    assert added.reused >= added.examples  # the identities
    outcomes, trace = stored(tmp_path / "both")
    agents = [{row["agent"] for row in rows} for rows in (trace, trace_of(tmp_path / "alone"))]
    assert agents[0] > agents[1]
    asked = [{k: row[k] for k in ("example_id", "path", "text")} for row in outcomes]
    for row in outcomes_of(tmp_path / "alone"):
        assert {k: row[k] for k in ("example_id", "path", "text")} in asked


def test_another_model_under_the_same_name_is_refused(loaded, tmp_path):
    run(chosen(loaded, limit=1), tmp_path, **SMALL)
    config = json.loads((tmp_path / "config.json").read_text())
    config["fixed"]["model fingerprint"] = "another"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(RunError, match="model fingerprint = 'another', received"):
        run(loaded, tmp_path, **SMALL)


def test_a_run_in_use_is_refused(loaded, tmp_path):
    class Inner(Watched):
        def evaluate(self, jobs):
            with pytest.raises(RunError, match="in use by process"):
                run(loaded, tmp_path, **SMALL)
            return super().evaluate(jobs)

    evaluator = Inner(loaded.evaluator)
    run(replace(chosen(loaded, limit=1), evaluator=evaluator), tmp_path, **SMALL)
    assert len(evaluator.calls) == 3


def test_agents_that_fail_to_start_are_named(loaded, tmp_path):
    class Unmakeable(Climber):
        def __init__(self, space, seed):
            raise KeyError("no such thing")

    unmakeable = replace(loaded, make_agent=Unmakeable)
    with pytest.raises(AgentError, match=r"\(Unmakeable\) to be made .* KeyError: 'no such thing'"):
        unmakeable.run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_failed_agents_are_in_the_summary_and_the_run_goes_on(loaded, tmp_path):
    class FailsOnHardOnes(Climber):
        def prepare(self, context):
            if "-train-5-" in context.example_id:
                raise ValueError("too hard")

    progress = replace(loaded, make_agent=FailsOnHardOnes).run(tmp_path)
    assert progress.examples == 12
    failures = json.loads((tmp_path / "summary.json").read_text())["failures"]
    assert [f["example_id"] for f in failures] == [f"tracking-train-5-00{i}" for i in (1, 2, 3)]
    assert "agent FailsOnHardOnes on example tracking-train-5-001" in failures[0]["message"]
    assert "ValueError: too hard" in failures[0]["message"]


def test_a_run_in_which_all_agents_fail_fails(loaded, tmp_path):
    class Failing(Climber):
        def ask(self, n):
            raise ValueError("no idea")

    with pytest.raises(AgentError, match="agent Failing on example tracking-train-1-001"):
        replace(loaded, make_agent=Failing).run(tmp_path)
    assert len(json.loads((tmp_path / "summary.json").read_text())["failures"]) == 15
    assert len(stored(tmp_path)[0]) == 15


def test_a_dataset_search_has_no_examples_to_stop_at(loaded, tmp_path):
    class ForAll(Climber):
        scope = "dataset"

    config = replace(loaded.config, stop_after_valid=1)
    with pytest.raises(ConfigError, match="of dataset scope, which has no examples"):
        replace(loaded, config=config, make_agent=ForAll).run(tmp_path)


def test_other_examples_make_a_dataset_search_another_one(loaded):
    class ForAll(Climber):
        scope = "dataset"

    fewer = replace(loaded, examples=loaded.examples[:3])
    assert fewer.agent_fingerprint() == loaded.agent_fingerprint()
    for_all = replace(loaded, make_agent=ForAll)
    assert replace(fewer, make_agent=ForAll).agent_fingerprint() != for_all.agent_fingerprint()


def test_programs_whose_numbers_break_are_wrong_and_named(loaded, tmp_path):
    model = copy.deepcopy(loaded.engine.model)
    model.model.layers[3].mlp.down_proj.weight[0, 0] = torch.nan
    broken = Evaluator(ProgramEngine(model, loaded.engine.tokenizer), loaded.task)
    progress = run(replace(chosen(loaded, limit=1), evaluator=broken), tmp_path, agent="exhaustive")
    summary = json.loads((tmp_path / "summary.json").read_text())
    paths = {row["program"]: row["path"] for row in outcomes_of(tmp_path)}
    whole = {name for name, path in paths.items() if 3 not in path}
    assert set(summary["broken_programs"]) <= paths.keys() - whole
    assert summary["broken"] == progress.programs - 5 * len(whole)
    assert {row["program"] for row in outcomes_of(tmp_path) if row["correct"]} <= whole


@pytest.mark.parametrize("value", [0, -1.5, float("nan")])
def test_time_limits_are_positive(value):
    with pytest.raises(ConfigError, match="expected --ask-seconds above 0"):
        SearchConfig(ask_seconds=value)


def test_unknown_options_of_agents_and_other_types_are_named():
    with pytest.raises(ConfigError, match=r"'exhaustive' \(it has none\), received 'c'"):
        agent_factory(SearchConfig(agent_options={"c": 1}))
    with pytest.raises(ConfigError, match=r"\(patience\), received 'patiense'"):
        agent_factory(SearchConfig(agent=CLIMBER, agent_options={"patiense": 1}))
    with pytest.raises(
        ConfigError, match=r"'patience' of agent '.*Climber' to be an integer, received"
    ):
        agent_factory(SearchConfig(agent=CLIMBER, agent_options={"patience": "high"}))


def test_options_reach_the_agent():
    make = agent_factory(SearchConfig(agent=CLIMBER, agent_options={"patience": 7}))
    assert make(ProgramSpace(4), 0)._patience == 7


@pytest.mark.parametrize(
    ("options", "total"),
    [
        ({"max_edits": 0}, 1),
        ({"max_edits": 1}, 53),
        ({"max_edits": 1, "budget": 10}, 11),
        ({"max_edits": 1, "budget": 1000}, 53),
        (
            {"max_edits": 1, "max_depth": 7},
            26 + 1,
        ),  # without the identity, which counts all the same
    ],
)
def test_total_is_what_an_exhaustive_search_asks(loaded, tmp_path, options, total):
    one = replace(chosen(loaded, limit=1, level=(1,)), config=replace(loaded.config, **options))
    assert one.total() == total == one.run(tmp_path).programs


def test_levels_and_limit_choose_examples():
    task = TASKS.load("tracking")()
    assert len(select(task, SearchConfig())) == 2000
    few = select(task, SearchConfig(split="val", level=(3, 1, 3), limit=2))
    assert [(e.level, e.id[-3:]) for e in few] == [(1, "001"), (1, "002"), (3, "001"), (3, "002")]
    with pytest.raises(TaskError, match=r"levels of task 'tracking' \(1, 2, 3, 4, 5\), received 6"):
        select(task, SearchConfig(level=(1, 6)))


class Pair(Task):
    """Two examples with one id, and a split without any."""

    name = "pair"

    def examples(self, split):
        example = TASKS.load("tracking")().examples("train")[0]
        return [example, example] if split == "train" else []

    def grade(self, example, text):
        return Verdict(correct=False, answer=None)


def test_tasks_without_examples_or_with_equal_ids_are_refused():
    with pytest.raises(TaskError, match="received 'tracking-train-1-001' 2 times"):
        select(Pair(), SearchConfig(task="pair"))
    with pytest.raises(TaskError, match="expected examples in split 'val' of task 'pair'"):
        select(Pair(), SearchConfig(task="pair", split="val"))


def test_names_are_checked_before_anything_is_loaded():
    for options in ({"task": "trackin"}, {"agent": "rondom"}, {"model": "bundled-trakcing"}):
        with pytest.raises(UnknownNameError, match="did you mean"):
            Session.load(SearchConfig(**options))


@pytest.mark.parametrize(
    "name",
    [
        *("limit", "budget", "ask_batch", "chunk", "stop_after_valid", "stop_after_shorter"),
        *("max_new_tokens", "rows", "threads"),
    ],
)
@pytest.mark.parametrize("value", [0, -3])
def test_counts_are_at_least_one(name, value):
    option = "--" + name.replace("_", "-")
    with pytest.raises(ConfigError, match=f"expected {option} of at least 1, received {value}"):
        SearchConfig(**{name: value})


def test_an_evaluation_holds_a_batch():
    with pytest.raises(ConfigError, match=r"expected --rows of at least --ask-batch \(16\)"):
        SearchConfig(rows=15)
    assert SearchConfig(rows=16).run_budget().examples_in_work == 1


def test_an_estimate_counts_exactly_and_stores_nothing(loaded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = estimate(SearchConfig(limit=2, max_edits=1, threads=1))
    assert (found.examples, found.space, found.outcomes) == (10, 53, 530)
    assert found.rate > 0
    assert 0 < found.disk < 530 * 1000
    assert "530 outcomes at most" in str(found)
    assert list(tmp_path.iterdir()) == []
    huge = replace(found, space=3**36)
    assert "1.5e+17 programs" in str(huge)


class Strange:
    """An engine whose answers no file can hold, or that are no answers."""

    tokenizer = None

    def __init__(self, *generations):
        self.generations = list(generations)

    def generate(self, rows, max_new_tokens, stop):
        return self.generations


def test_strange_texts_are_graded_and_stored_as_they_can_be(loaded, tmp_path):
    example = loaded.examples[0]
    engine = Strange(
        Generation((1,), f"{example.answer}\ud800", "stop"),
        Generation((1,), example.answer, "nan"),
        Generation((1,), example.answer, "stop"),
    )
    jobs = [(example, Program.identity(8))] * 3
    outcomes = Evaluator(engine, loaded.task).evaluate(jobs)
    assert [o.text for o in outcomes] == [example.answer + "?", example.answer, example.answer]
    assert [o.correct for o in outcomes] == [False, False, True]


class Choosing(Task):
    """The next character after `ab.ba=`, chosen among three, or written."""

    name = "choosing"
    max_new_tokens = 1

    def examples(self, split):
        return [Example("chosen", 1, "ab.ba=", "b"), Example("written", 1, "ab.ba=", "b")]

    def choices(self, example):
        return ("a", "c", "b") if example.id == "chosen" else ()

    def grade(self, example, text):
        return Verdict(text == example.answer, text)


def test_choices_are_made_by_likelihood_beside_texts_that_are_written(loaded):
    task = Choosing()
    chosen, written = task.examples("train")
    programs = [Program.parse(text, 8) for text in ("K8", "S4 K4", "K4 R4")]
    jobs = [(example, program) for program in programs for example in (chosen, written)]
    outcomes = Evaluator(loaded.engine, task).evaluate(jobs)
    assert [(o.example_id, o.program) for o in outcomes] == [(e.id, p) for e, p in jobs]
    for outcome in outcomes[::2]:
        [worth] = loaded.engine.score([("ab.ba=", outcome.program)], [("a", "c", "b")])
        assert outcome.text == "acb"[worth.index(max(worth))]
        assert outcome.correct == (outcome.text == "b")
    for outcome in outcomes[1::2]:
        [generation] = loaded.engine.generate([("ab.ba=", outcome.program)], max_new_tokens=1)
        assert outcome.text == generation.text
    assert outcomes[0].correct == outcomes[1].correct


def test_choices_of_a_program_that_overflows_are_wrong(loaded):
    class Overflowing(Strange):
        def score(self, rows, options):
            return [[float("-inf")] * len(texts) for texts in options]

    example = Example("chosen", 1, "", "a")
    [outcome] = Evaluator(Overflowing(), Choosing()).evaluate([(example, Program.identity(8))])
    assert (outcome.text, outcome.correct) == ("a", False)
