"""Ours beside the published numbers, and the commands that print both."""

from io import StringIO

import pytest
from handmade import grading, make_outcomes, random_rows, truth_of
from rich.console import Console

import polar_search
from polar_search import cli
from polar_search.analysis import summarize
from polar_search.analysis.compare import compare_with_paper
from polar_search.analysis.comparisons import comparison_table
from polar_search.errors import RunError


@pytest.fixture(scope="module")
def statistics():
    rows = random_rows(0)
    return summarize(make_outcomes(rows), grading(truth_of(rows)))


@pytest.mark.parametrize(
    ("model", "paper", "replication"),
    [
        ("Qwen/Qwen3-8B", 0.407, 0.486),
        ("/models/Qwen2.5-3B-Instruct/", 0.254, 0.316),
        ("Qwen/Qwen3-32B", None, 0.625),
        ("meta-llama/LLaMA-3.2-3B-Instruct", 0.379, None),
        ("bundled", None, None),
    ],
)
def test_the_numbers_of_the_same_model_stand_beside_ours(statistics, model, paper, replication):
    comparison = compare_with_paper(statistics, model)
    rows = {(row.level, row.name): row for row in comparison.rows}
    row = rows["1", "base"]
    assert row.ours == statistics.accuracy[0].base
    assert (row.paper, row.replication) == (paper, replication)
    assert rows["all", "correct_shorter"].paper == 0.755
    assert rows["all", "correct_shorter"].ours == statistics.shorter[-1].correct_shorter


def test_the_table_fits_and_names_what_differs(statistics):
    console = Console(width=80, record=True, file=StringIO())
    console.print(comparison_table(compare_with_paper(statistics, "somebody's model")))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    assert "no numbers for somebody's model" in text
    assert "arXiv 2606.06574" in text
    assert "no luck baseline" in " ".join(text.split())


def test_two_runs_are_compared_by_the_command(tmp_path, capsys):
    small = ["search", "--limit", "1", "--max-edits", "1", "--budget", "5", "--threads", "1"]
    runs = [str(tmp_path / name) for name in "ab"]
    for run in runs:
        assert cli.main([*small, "--out", run]) == 0
    capsys.readouterr()
    assert cli.main(["stats", runs[0], "--against", runs[1]]) == 0
    every = capsys.readouterr().out.splitlines()
    assert next(line for line in every if line.startswith("all")).split()[:4] == [
        *("all", "5", "30", "0.0")
    ]
    assert cli.main(["stats", runs[0], "--compare", "paper"]) == 0
    assert "Beside the paper" in capsys.readouterr().out
    assert cli.main(["stats", runs[0], "--against", str(tmp_path / "c")]) == 2
    assert "expected a run folder" in capsys.readouterr().err
    assert len(polar_search.load_outcomes(runs[0]).to_pandas()) == 30
    with pytest.raises(RunError, match="expected a run folder"):
        polar_search.load_outcomes(tmp_path / "c")
