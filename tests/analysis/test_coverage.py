"""Menu coverage: folds that never see what they score, bounds, and cells by execution."""

from dataclasses import replace

import numpy as np
import pytest
from handmade import PATHS, Row, make_outcomes, random_rows
from hypothesis import given
from hypothesis import strategies as st

from polar_search import SearchConfig, Session, cli
from polar_search.analysis.coverage import choose_menus, coverage, missing_cells
from polar_search.analysis.menus import fold_of
from polar_search.analysis.runs import cells_of, outcomes_of, statistics_of

IDENTITY, SKIP, SKIP_TWO, LOOP, LOOP_TWO = PATHS[:5]


def rows_of(outcomes, cells=None):
    searched = outcomes.any_correct(outcomes.program >= 0)
    return coverage(cells or outcomes, choose_menus(outcomes), searched)


@given(seed=st.integers(0, 2**32 - 1))
def test_coverage_against_a_plain_loop(seed):
    rows = random_rows(seed)
    outcomes = make_outcomes(rows)
    menus = choose_menus(outcomes)
    right = {(row.example, " ".join(map(str, row.path))) for row in rows if row.correct}
    tried = {(row.example, " ".join(map(str, row.path))) for row in rows}
    solvable = {example for example, _ in right}
    examples = {row.example for row in rows}
    for row in rows_of(outcomes):
        if row.level == "all":
            own = {e: menus[fold_of(e)][: row.programs] for e in examples}
            hit = {e for e, menu in own.items() if any((e, p) in right for p in menu)}
            assert (row.covered.count, row.covered.n) == (len(hit), len(examples))
            assert (row.of_solvable.count, row.of_solvable.n) == (len(hit), len(solvable))
            cells = [(e, p) for e, menu in own.items() for p in menu]
            assert row.executed == sum(cell in tried for cell in cells) / len(cells)
    missing = missing_cells(outcomes, menus)
    assert set(missing) == {(e, p) for e in examples for p in menus[fold_of(e)]} - tried


def test_menus_are_chosen_on_the_other_fold():
    outcomes = make_outcomes(random_rows(0, examples=60))
    menus = choose_menus(outcomes)
    fold = np.array([fold_of(e) for e in outcomes.example_ids])[outcomes.example]
    for scored in (0, 1):
        others = outcomes.with_verdicts(np.where(fold == scored, False, outcomes.correct))
        assert choose_menus(others)[scored] == menus[scored]
        assert choose_menus(others)[1 - scored] == (outcomes.programs[outcomes.identity],)


def test_a_fold_without_examples_has_no_menu():
    outcomes = make_outcomes([Row("e0", IDENTITY, True)])
    assert choose_menus(outcomes) == ((), ())
    for row in rows_of(outcomes):
        assert (row.programs, row.covered.n, row.covered.value, row.executed) == (1, 0, None, None)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Six random programs an example, so that menus meet examples that never tried them."""
    folder = tmp_path_factory.mktemp("runs") / "sparse"
    config = SearchConfig(agent="random", limit=4, budget=6, max_edits=1, max_repeats=4, threads=1)
    Session.load(config).run(folder)
    return folder


def test_missing_cells_are_executed_once_and_beside_the_search(run, capsys):
    searched = outcomes_of(run)
    missing = missing_cells(searched, choose_menus(searched))
    assert missing
    assert cli.main(["menu", str(run)]) == 0
    before = statistics_of(run)
    assert before.coverage[-1].executed < 1
    capsys.readouterr()

    assert cli.main(["menu", str(run), "--execute", "--rows", "16", "--threads", "1"]) == 0
    said = capsys.readouterr().out
    assert f"{len(missing)}/{len(missing)} executed" in said
    cells = cells_of(run)
    assert len(cells.example) == len(searched.example) + len(missing)
    assert missing_cells(cells, choose_menus(searched)) == []
    after = statistics_of(run)
    assert {row.executed for row in after.coverage} == {1.0}
    assert all(
        now.covered.count >= then.covered.count
        for now, then in zip(after.coverage, before.coverage, strict=True)
    )
    assert replace(after, coverage=()) == replace(before, coverage=())

    assert cli.main(["menu", str(run), "--execute", "--threads", "1"]) == 0
    assert "executed\n" not in capsys.readouterr().out


def test_mistakes_end_with_one_line(run, tmp_path, capsys):
    for arguments, said in (
        ([str(tmp_path)], "expected a run folder"),
        ([str(run), "--size", "0"], "expected --size of at least 1"),
        ([str(run), "--size", "101"], "expected --size of 100 at most, received 101"),
    ):
        assert cli.main(["menu", *arguments]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
