"""The demo, with one example a level."""

from dataclasses import replace

import pytest

from polar_search import cli
from polar_search.cli import demo


@pytest.mark.slow
def test_the_demo_tells_the_answer_and_what_to_open(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(demo, "CONFIG", replace(demo.CONFIG, limit=1))
    assert cli.main(["demo", "--out", str(tmp_path)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "105 programs = 525 outcomes" in printed
    assert "In short: - " in printed
    for page in (tmp_path / "report" / "report.html", tmp_path / "explore.html"):
        assert page.stat().st_size > 10_000
