"""All statistics together: JSON, repeatability, and tables that fit a terminal."""

import json
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from handmade import PATHS, Row, grading, make_outcomes, make_table, random_rows, truth_of
from rich.console import Console

from polar_search.analysis import Outcomes, render, summarize
from polar_search.errors import ConfigError


def statistics_of(rows, **options):
    return summarize(make_outcomes(rows), grading(truth_of(rows)), **options)


def printed(statistics):
    console = Console(width=80, record=True, file=StringIO())
    for block in render(statistics):
        console.print(block)
    return console.export_text()


@pytest.mark.parametrize("seed", range(3))
def test_order_of_the_rows_does_not_matter(seed):
    rows = random_rows(seed)
    shuffled = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
    assert statistics_of(rows) == statistics_of(shuffled)


def test_less_trusted_sources_change_nothing():
    rows = random_rows(0)
    imported = [replace(row, correct=not row.correct, source="imported") for row in rows]
    confirmed = [replace(row, source="confirmed") for row in rows]
    expected = statistics_of(rows)
    for more in (imported, confirmed, imported + confirmed):
        outcomes = make_outcomes(more + rows)
        assert summarize(outcomes, grading(truth_of(rows))) == expected


def test_seed_moves_luck_and_nothing_else():
    one, other = (statistics_of(random_rows(0), seed=seed).accuracy for seed in (0, 1))
    assert one != other
    assert [replace(r.both, luck=None) for r in one] == [replace(r.both, luck=None) for r in other]


def test_statistics_are_json():
    statistics = statistics_of(random_rows(0))
    stored = json.loads(json.dumps(statistics.to_dict(), allow_nan=False))
    assert [row["level"] for row in stored["accuracy"]] == [1, 2, 3, "all"]
    assert stored["accuracy"][-1]["both"]["count"] == statistics.accuracy[-1].both.count
    assert stored["menus"][-1]["menus"] == [list(menu) for menu in statistics.menus[-1].menus]


def test_fewer_than_one_derangement_is_refused():
    with pytest.raises(ConfigError, match="at least 1 derangement, received 0"):
        statistics_of(random_rows(0), derangements=0)


def test_tables_fit_eighty_columns_and_hold_the_numbers():
    text = printed(statistics_of(random_rows(1, examples=3000)))
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("searched: 4 layers; 3,000 examples x") == 15  # above every table
    for heading in ("oracle", "luck", "static", "oracle, menu of 5", "C->C", "W->C"):
        assert heading in text


def test_widest_numbers_still_fit():
    """Every rate at 100%, five-digit n, and a model of three-digit depth."""
    path = tuple(range(120))
    rows = [Row(f"e{i}", p, True, text="x") for i in range(12_000) for p in (path, path * 2)]
    outcomes = Outcomes.from_table(make_table(rows), 120)
    text = printed(summarize(outcomes, lambda pairs: [True] * len(pairs)))
    assert "…" not in text
    assert "12000" in text


def test_what_cannot_be_had_is_printed_as_a_dash():
    text = printed(statistics_of([Row("a", path, True) for path in PATHS]))
    corrected = next(line for line in text.splitlines() if line.startswith("all") and " 0 " in line)
    assert corrected.split()[-2:] == ["-", "-"]
    assert "nan" not in text.lower()
    assert "None" not in text
