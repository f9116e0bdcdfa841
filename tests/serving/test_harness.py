"""Tasks of the real lm-evaluation-harness, answered by programs."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

import pytest
from harness_tasks import write_tasks

from polar_search.errors import ConfigError, ProgramError
from polar_search.models import locate
from polar_search.program import Program
from polar_search.serving.lm_eval import main
from polar_search.tasks.bundled import Tracking

pytestmark = pytest.mark.slow
MODEL = locate("bundled", Tracking())
LOOP = "K3 R2 K3"


@pytest.fixture(scope="module")
def evaluate(tmp_path_factory):
    """Runs all tasks on a model; the results, and what each request was answered."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    import polar_search.serving.harness  # noqa: F401 (registers the model)

    folder = tmp_path_factory.mktemp("tasks")
    names = write_tasks(folder)
    manager = TaskManager(include_path=str(folder), include_defaults=False)

    def run(model, *tasks, **arguments):
        done = simple_evaluate(
            model=model,
            model_args={"pretrained": MODEL, "dtype": "float32", **arguments},
            tasks=list(tasks) or names,
            task_manager=manager,
            bootstrap_iters=0,
            log_samples=True,
        )
        answers = {
            name: [sample["resps"] for sample in samples]
            for name, samples in done["samples"].items()
        }
        return done["results"], answers

    return run


@pytest.fixture(scope="module")
def standard(evaluate):
    """The harness's own model."""
    return evaluate("hf", device="cpu")


def test_the_standard_pass_gives_the_numbers_of_the_harness(evaluate, standard):
    theirs, their_answers = standard
    ours, our_answers = evaluate("polar")
    for task in theirs:
        for metric, value in theirs[task].items():
            if isinstance(value, float):
                assert ours[task][metric] == pytest.approx(value, rel=1e-5), (task, metric)
    assert our_answers["tracking_generate"] == their_answers["tracking_generate"]
    for our, their in zip(
        our_answers["tracking_choose"], their_answers["tracking_choose"], strict=True
    ):
        for [(ours, greedy)], [(theirs, their_greedy)] in zip(our, their, strict=True):
            assert ours == pytest.approx(theirs, abs=1e-3)
            assert greedy == their_greedy


def test_a_program_answers_as_in_the_engine(evaluate, standard):
    from polar_search.execution import ProgramEngine

    results, answers = evaluate("polar", program=LOOP)
    assert results["tracking_perplexity"] != standard[0]["tracking_perplexity"]
    engine = ProgramEngine.from_pretrained(MODEL, dtype="float32")
    questions = [example.question for example in Tracking().examples("val")[::25]]
    rows = [(question, Program.parse(LOOP)) for question in questions]
    expected = [[[result.text]] for result in engine.generate(rows, 3, ["\n"])]
    assert answers["tracking_generate"] == expected


def test_a_predictor_chooses_by_the_context(evaluate, predictor_folder):
    tasks = ("tracking_generate", "tracking_choose")
    results, _ = evaluate("polar", *tasks, predictor=str(predictor_folder))
    assert set(results) == set(tasks)
    with pytest.raises(ConfigError, match="by which the predictor chooses"):
        evaluate("polar", "tracking_perplexity", predictor=str(predictor_folder))


def test_mistakes_are_named(evaluate, predictor_folder):
    with pytest.raises(ConfigError, match="received both"):
        evaluate("polar", program=LOOP, predictor=str(predictor_folder))
    with pytest.raises(ProgramError, match="8 layers"):
        evaluate("polar", program="K4")
    from polar_search.serving.harness import sampling_of

    with pytest.raises(ConfigError, match="received num_beams, top_k"):
        sampling_of({"num_beams": 2, "top_k": 3}, 0)
    assert sampling_of({"do_sample": True, "temperature": 0.5}, 7).seed == 7


def test_the_command_is_that_of_the_harness_with_the_model_in_it(monkeypatch):
    from lm_eval.api.registry import get_model

    from polar_search.serving.harness import PolarLM

    seen = []
    monkeypatch.setattr("lm_eval.__main__.cli_evaluate", lambda: seen.append(get_model("polar")))
    assert main() == 0
    assert seen == [PolarLM]


def test_plug_ins_of_the_harness_find_the_model():
    from polar_search.serving.harness import PolarLM

    [found] = entry_points(group="lm_eval.models", name="polar")
    assert found.load() is PolarLM


def test_a_missing_harness_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "lm_eval.__main__", None)
    assert main() == 2
    assert "pip install 'polar-search[lm-eval]'" in capsys.readouterr().err
