"""What is valid is run again alone, once, and what changed is counted."""

import json
from dataclasses import replace

import pytest
from searching import Watched, outcomes_of, run

from polar_search import cli
from polar_search.execution import Generation
from polar_search.execution import ProgramEngine as Engine
from polar_search.program import Program
from polar_search.search import evaluation
from polar_search.search.evaluation import Evaluator

SMALL = {"agent": "random", "budget": 3, "ask_batch": 2, "confirm": True}


def confirmation(folder):
    return json.loads((folder / "summary.json").read_text())["confirmation"]


def pairs(rows):
    return {(row["example_id"], row["program"]) for row in rows}


def by_source(folder):
    rows = outcomes_of(folder)
    return [[r for r in rows if r["source"] == s] for s in ("executed", "confirmed")]


def test_in_float32_every_valid_outcome_is_confirmed(loaded, tmp_path):
    run(loaded, tmp_path, **SMALL)
    executed, confirmed = by_source(tmp_path)
    valid = [row for row in executed if row["correct"]]
    assert pairs(confirmed) == pairs(valid)
    assert all(row["correct"] for row in confirmed)
    assert confirmation(tmp_path) == {
        "confirmed": len(valid),
        "other_texts": 0,
        "overturned": 0,
        "overturned_share": 0.0,
        "overturned_interval": [0.0, pytest.approx(1.96**2 / (len(valid) + 1.96**2), rel=1e-3)],
    }


def test_a_second_run_confirms_nothing_again(loaded, tmp_path, monkeypatch):
    run(loaded, tmp_path, **SMALL)
    before = outcomes_of(tmp_path), confirmation(tmp_path)
    monkeypatch.setattr(Evaluator, "_alone", None)
    assert run(loaded, tmp_path, **SMALL).executed == 0
    assert (outcomes_of(tmp_path), confirmation(tmp_path)) == before


class Wrong(Engine):
    """Says what the first row says to all rows of a prompt that come with others."""

    def generate(self, rows, max_new_tokens, stop=()):
        rows = list(rows)
        first = {row.prompt: row for row in reversed(rows)}
        return super().generate([first[row.prompt] for row in rows], max_new_tokens, stop)


def test_verdicts_that_a_batch_has_changed_are_overturned_and_both_texts_kept(loaded, tmp_path):
    engine = Wrong(loaded.engine.model, loaded.engine.tokenizer)
    broken = replace(loaded, evaluator=Evaluator(engine, loaded.task))
    progress = run(broken, tmp_path, **SMALL | {"ask_batch": 4, "budget": 8})
    executed, confirmed = by_source(tmp_path)
    texts = {(row["example_id"], row["program"]): row["text"] for row in executed}
    changed = [r for r in confirmed if r["text"] != texts[r["example_id"], r["program"]]]
    report = confirmation(tmp_path)
    assert report["confirmed"] == progress.valid == len(confirmed)
    assert report["other_texts"] == len(changed) > 0
    assert report["overturned"] == sum(not row["correct"] for row in confirmed) > 0
    assert report["overturned_share"] == report["overturned"] / report["confirmed"]
    low, high = report["overturned_interval"]
    assert 0 < low < report["overturned_share"] < high <= 1


def test_confirmed_outcomes_do_not_change_what_agents_are_told(loaded, tmp_path):
    """A restart replays the agents with what they were told, not with what was confirmed since."""
    engine = Wrong(loaded.engine.model, loaded.engine.tokenizer)
    broken = replace(loaded, evaluator=Evaluator(engine, loaded.task))
    first = run(broken, tmp_path, **SMALL)
    watched = Watched(broken.evaluator)
    again = run(replace(broken, evaluator=watched), tmp_path, **SMALL)
    assert (again.valid, again.programs) == (first.valid, first.programs)
    assert watched.jobs == []


def test_numbers_that_overflow_are_not_valid_alone_either(loaded, monkeypatch):
    broken = Generation((), "", "nan")
    monkeypatch.setattr(evaluation, "generate_reference", lambda *_, **__: [broken])
    (outcome,) = Evaluator(loaded.engine, loaded.task).confirm(
        [(loaded.examples[0], Program.identity(8))]
    )
    assert not outcome.correct


def test_the_command_tells_what_was_confirmed(capsys, tmp_path):
    arguments = ["--agent", "random", "--budget", "2", "--limit", "1", "--threads", "1"]
    command = ["search", *arguments, "--confirm", "true", "--out", str(tmp_path / "run")]
    assert cli.main(command) == 0
    count = confirmation(tmp_path / "run")["confirmed"]
    text = " ".join(capsys.readouterr().out.split())
    assert (
        f"confirmed alone: {count} valid outcomes, 0 overturned (0.0%, 95% interval 0.0% to" in text
    )
