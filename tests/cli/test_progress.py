"""How a search shows its progress: a bar in a terminal, lines elsewhere."""

from io import StringIO

import pytest
from rich.console import Console

from polar_search.cli.progress import describe, shown
from polar_search.search.driver import Progress

HALF = Progress(examples=1, programs=1500, executed=1000, reused=500, seconds=4.0)
DONE = Progress(examples=3, programs=3000, executed=2500, reused=500, seconds=10.0)


def show(*progresses, terminal):
    file = StringIO()
    console = Console(file=file, force_terminal=terminal, width=120)
    with shown(console, 3, 3000) as update:
        for progress in progresses:
            update(progress)
    return file.getvalue()


def test_progress_is_described_in_examples_programs_and_outcomes_a_second():
    assert describe(HALF, 3, 3000) == "1/3 examples, 1,500/3,000 programs, 250 outcomes/s"
    assert describe(Progress(), 3, 3000) == "0/3 examples, 0/3,000 programs, 0 outcomes/s"


def test_elsewhere_the_end_is_a_line_and_the_way_there_is_short():
    assert show(HALF, HALF, DONE, terminal=False).splitlines() == [
        "3/3 examples, 3,000/3,000 programs, 250 outcomes/s, 0 s left"
    ]


def test_elsewhere_a_line_comes_now_and_then(monkeypatch):
    monkeypatch.setattr("polar_search.cli.progress.SECONDS_BETWEEN_LINES", 0.0)
    first, _ = show(HALF, DONE, terminal=False).splitlines()
    assert first == "1/3 examples, 1,500/3,000 programs, 250 outcomes/s, 4 s left"


@pytest.mark.parametrize("progress", [HALF, DONE])
def test_a_terminal_shows_a_bar(progress):
    text = show(progress, terminal=True)
    assert describe(progress, 3, 3000) in text
    assert f"{progress.programs / 30:.0f}%" in text
    assert "left" in text
