"""The evaluation of a small predictor: every figure executed, deployable and oracle told apart."""

import json

import numpy as np
import pytest

from polar_search import cli
from polar_search.errors import ConfigError, TaskError
from polar_search.execution.reference import generate_reference
from polar_search.execution.similarity import hidden_similarity
from polar_search.predictor.baselines import least_influence
from polar_search.predictor.config import TrainConfig
from polar_search.predictor.contestants import Arena, choose_static, random_programs, sampled
from polar_search.predictor.evaluation import evaluate, table
from polar_search.predictor.execution import Executor
from polar_search.predictor.predictor import Predictor
from polar_search.predictor.selection import Answer
from polar_search.predictor.settings import EvaluateConfig
from polar_search.predictor.training import train
from polar_search.program import Program, ProgramSpace
from polar_search.search.evaluation import Evaluator
from polar_search.tasks import TASKS

STANDARD = Program.identity(8)


@pytest.fixture(scope="module")
def folder(searched, tmp_path_factory):
    out = tmp_path_factory.mktemp("predictor")
    train(searched, out, TrainConfig(width=32, batch=8, epochs=2, val_limit=3, threads=1))
    return out


@pytest.fixture(scope="module")
def evaluation(folder):
    config = EvaluateConfig(limit=4, k=3, candidates=2, search=2, temperatures=(0.7,), threads=1)
    return evaluate(folder, config)


@pytest.fixture(scope="module")
def arena(engine):
    task = TASKS.load("tracking")()
    examples = [e for e in task.examples("test") if e.level <= 3][::150]
    return Arena(Evaluator(engine, task), examples)


def test_deployable_rows_come_first_and_oracles_say_so(evaluation):
    names = {row.name: row.kind for row in evaluation.rows}
    deployable = [name for name, kind in names.items() if kind == "deployable"]
    assert [name for name in deployable if not name.startswith("least influence")] == [
        "standard pass",
        "best static program",
        "predictor",
        "menu, predictor's choice",
        "predictor's 3, majority vote",
        "predictor's 3, highest confidence",
        "predictor's 3, vote by confidence",
        "menu of 3, majority vote",
        "menu of 3, highest confidence",
        "menu of 3, vote by confidence",
        "3 samples, majority vote",
    ]
    assert names["search of 2 programs"] == "oracle"
    for source in ("predictor", "menu", "random programs", "samples at 0.7"):
        assert [names[f"{source} @{k}"] for k in (1, 2, 3)] == ["oracle"] * 3


def test_every_row_has_its_n_and_interval_at_every_level(evaluation):
    assert {row.level for row in evaluation.rows} == {1, 2, 3, 4, 5, "all"}
    for row in evaluation.rows:
        assert row.accuracy.n == (20 if row.level == "all" else 4)
        assert row.accuracy.low <= row.accuracy.value <= row.accuracy.high
    assert evaluation.row("standard pass").gain.value == 0
    assert evaluation.row("standard pass").layers == 8


def test_static_pruning_leaves_out_the_layers_that_change_least(engine):
    prompts = [example.question for example in TASKS.load("tracking")().examples("val")[::100]]
    similarity = hidden_similarity(engine.model, engine.tokenizer, prompts)
    change = [1 - similarity[layer][layer + 1] for layer in range(8)]
    assert least_influence(engine, prompts, 8) == STANDARD
    for depth in range(1, 8):
        kept = set(least_influence(engine, prompts, depth).path)
        assert len(kept) == depth
        left_out = set(range(8)) - kept
        assert max(change[layer] for layer in left_out) <= min(change[layer] for layer in kept)


def test_an_oracle_over_one_is_the_first_choice(evaluation):
    one, first = evaluation.row("predictor @1"), evaluation.row("predictor")
    assert one.accuracy == first.accuracy
    hits = [evaluation.row(f"predictor @{k}").accuracy.count for k in (1, 2, 3)]
    assert hits == sorted(hits)


def test_the_first_choices_are_executed_by_the_reference_too(evaluation, folder, engine):
    """The row of the predictor, computed again without engine, executor or table."""
    task, predictor = TASKS.load("tracking")(), Predictor.from_pretrained(folder, engine)
    correct = []
    for level in range(1, 6):
        for example in [e for e in task.examples("test") if e.level == level][:4]:
            program = predictor.rank([example.question], 1, predictor.space)[0][0].program
            [answer] = generate_reference(
                engine.model, engine.tokenizer, [example.question], program, task.max_new_tokens
            )
            correct.append(task.grade(example, answer.text).correct)
    assert evaluation.row("predictor").accuracy.count == sum(correct)


def test_selection_of_one_program_is_that_program(arena):
    programs = [[Program.parse("K2 R4 K2")]] * len(arena.examples)
    alone = arena.single("alone", [row[0] for row in programs])
    for contestant in arena.several("one", programs):
        assert (contestant.correct == alone.correct).all()
    assert (arena.oracle("one", programs).correct == alone.correct).all()


def test_layers_of_several_programs_add_up(arena):
    programs = [[STANDARD, Program.parse("K2 R4 K2")]] * len(arena.examples)
    assert (arena.oracle("both", programs).layers == 20).all()


def test_confidence_is_the_mean_log_probability_of_the_text(arena, engine):
    outcomes = arena.run([STANDARD] * len(arena.examples))
    worth = arena._confidences(outcomes)
    for prompt, outcome, mean in zip(arena.prompts, outcomes, worth, strict=True):
        ids = engine.tokenizer(outcome.text, add_special_tokens=False)["input_ids"]
        ids = [*ids, engine.model.generation_config.eos_token_id]
        [[total]] = engine.score([(prompt, STANDARD)], [[ids]])
        assert mean == pytest.approx(total / len(ids), abs=1e-4)
        assert mean < 0


def test_the_best_static_program_and_the_menu(arena):
    """Shallower wins a tie; the menu's first program covers most, and it is filled up."""
    candidates = [STANDARD, Program.parse("K2 R4 K2"), Program.parse("K1 S7")]
    static, menu = choose_static(arena, candidates, 3)
    counts = {p: arena.single("", [p] * len(arena.examples)).correct.sum() for p in candidates}
    best = max(counts.values())
    assert static == min((p for p in candidates if counts[p] == best), key=lambda p: p.depth)
    assert menu[0] == static
    assert set(menu) == set(candidates)


def test_random_programs_are_of_the_space_seeded_and_different():
    space = ProgramSpace(8, max_edits=1)
    one, again = (random_programs(space, ["a", "b"], 5, seed=1) for _ in range(2))
    assert one == again != random_programs(space, ["a", "b"], 5, seed=2)
    assert one[0] != one[1]
    assert all(len(set(row)) == 5 and set(row) <= set(space) for row in one)
    assert len(random_programs(ProgramSpace(2, max_edits=0), ["a"], 5, 0)[0]) == 1


def test_samples_differ_and_repeat_themselves(arena):
    one, again = arena.samples(5.0, 3, seed=0), arena._draw(5.0, 3, seed=0)
    assert one == again != arena.samples(5.0, 3, seed=1)
    assert any(len({a.answer for a in row}) > 1 for row in one)


def test_samples_by_majority_and_by_oracle():
    rows = [[Answer("a", 0, True), Answer("b", 0, False), Answer("b", 0, False)]]
    assert not sampled("", "deployable", rows, 8).correct.any()
    assert sampled("", "oracle", rows, 8).correct.all()
    assert sampled("", "oracle", rows, 8).layers == [24.0]


def test_gains_are_paired(arena):
    alone = arena.single("standard pass", [STANDARD] * len(arena.examples))
    flipped = type(alone)("flipped", "deployable", ~alone.correct, alone.layers)
    rows = [row for row in table(arena.examples, [alone, flipped]) if row.level == "all"]
    n = len(arena.examples)
    assert rows[1].gain.value == pytest.approx((n - 2 * np.sum(alone.correct)) / n)


def test_the_vector_environment_executes_as_the_executor_does(engine):
    import gymnasium as gym

    import polar_search.envs  # noqa: F401

    env = gym.make_vec(
        "polar_search/ProgramOfLayers-v0", num_envs=2, task="tracking", split="val", limit=1
    )
    try:
        task = TASKS.load("tracking")()
        examples = {e.id: e for e in task.examples("val")}
        ids = [example.id for example in env.unwrapped.setting.examples][:3]
        programs = [STANDARD, Program.parse("K2 R4 K2"), Program.parse("K2 S4 K2")]
        executor = Executor(Evaluator(engine, task), [examples[id_] for id_ in ids])
        assert env.unwrapped.evaluate(ids, programs) == executor.evaluate(ids, programs)
        assert executor.executed == 3
        executor.evaluate(ids, programs)
        assert executor.executed == 3
    finally:
        env.close()


def test_the_command_prints_the_table(folder, capsys):
    options = ["--limit", "1", "--k", "1", "--candidates", "1", "--temperatures", "[0.7]"]
    assert cli.main(["evaluate", str(folder), *options, "--threads", "1"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for words in (
        "level all, n = 5",
        "oracle predictor @1",
        "first choices:",
        "Menu chosen on val",
    ):
        assert words in out
    written = json.loads((folder / "evaluation-test.json").read_text())
    assert written["config"]["limit"] == 1


def test_another_task_is_answered_with_what_was_chosen_on_its_own(folder, evaluation, tmp_path):
    """Examples of its own task, as a file: the same answers, under the name of another task."""
    examples = [e for e in TASKS.load("tracking")().examples("test") if e.level == 2][:4]
    rows = [{"question": e.question, "answer": e.answer, "split": "test"} for e in examples]
    (tmp_path / "own.jsonl").write_text("\n".join(map(json.dumps, rows)))
    task = {"path": str(tmp_path / "own.jsonl"), "grading": "exact", "prompt": "question"}
    options = json.dumps({**task, "split": "split", "chat": "never"})
    small = ["--k", "1", "--candidates", "2", "--temperatures", "[0.7]", "--threads", "1"]
    arguments = ["evaluate", str(folder), "--task", "file", "--task-options", options, *small]
    assert cli.main(arguments) == 0
    written = json.loads((folder / "evaluation-file-test.json").read_text())
    found = {row["name"]: row["accuracy"] for row in written["rows"] if row["level"] == "all"}
    own = evaluation.row("standard pass", 2).accuracy
    assert (found["standard pass"]["count"], found["standard pass"]["n"]) == (own.count, own.n)
    assert written["static"] == evaluation.static


def test_mistakes(folder, tmp_path, capsys):
    assert cli.main(["evaluate", str(tmp_path)]) == 2
    assert "expected a predictor's folder" in capsys.readouterr().err
    with pytest.raises(TaskError, match="expected examples of task 'tracking'"):
        evaluate(folder, EvaluateConfig(level=(9,)))
    with pytest.raises(ConfigError, match="expected --k of at least 1"):
        EvaluateConfig(k=0)
    with pytest.raises(ConfigError, match="expected --temperatures above 0"):
        EvaluateConfig(temperatures=(0.0,))
