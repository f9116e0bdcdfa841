"""Answers that can only be wrong end early: equal verdicts, and texts that nobody stores."""

from dataclasses import replace

import pytest
from searching import outcomes_of, run

from polar_search import cli
from polar_search.analysis.runs import statistics_of
from polar_search.execution import ProgramEngine
from polar_search.search.evaluation import Evaluator

SMALL = {"agent": "random", "budget": 6}


@pytest.fixture(scope="module")
def settling(loaded):
    engine = ProgramEngine(loaded.engine.model, loaded.engine.tokenizer)
    return replace(loaded, evaluator=Evaluator(engine, loaded.task, settle=True))


def test_verdicts_stay_and_fewer_tokens_are_decoded(loaded, settling, tmp_path):
    before = loaded.engine.stats.work.decoding
    run(loaded, tmp_path / "whole", **SMALL)
    decoded = loaded.engine.stats.work.decoding - before
    run(settling, tmp_path / "settled", **SMALL)
    assert 0 < settling.engine.stats.work.decoding < decoded
    whole, settled = outcomes_of(tmp_path / "whole"), outcomes_of(tmp_path / "settled")
    for one, other in zip(whole, settled, strict=True):
        assert one["text"] is not None
        assert other["text"] is None
        assert one["decoding"] != other["decoding"]
        same = ("example_id", "path", "correct", "model", "task")
        assert [one[name] for name in same] == [other[name] for name in same]
    assert statistics_of(tmp_path / "whole").accuracy[0].both.luck is not None
    assert statistics_of(tmp_path / "settled").accuracy[0].both.luck is None


def test_a_confirmation_needs_texts(capsys, tmp_path):
    command = ["search", "--settle", "true", "--confirm", "true", "--out", str(tmp_path / "run")]
    assert cli.main(command) == 2
    assert "expected --settle or --confirm, received both" in capsys.readouterr().err
