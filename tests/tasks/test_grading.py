"""Grading: the regression set, limits, order, and workers that die."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import answers
import pytest

from polar_search.boxes import boxed, last_boxed
from polar_search.errors import TaskError
from polar_search.tasks import Verdict
from polar_search.tasks.grading import grade_exactly, grade_letters, grade_math
from polar_search.tasks.grading_pool import GradingPool

JUDGED = [
    *((pair, True) for pair in answers.EQUAL),
    *((pair, False) for pair in (*answers.UNEQUAL, *answers.MALFORMED)),
]


@pytest.fixture(scope="module")
def pool():
    pool = GradingPool(2, seconds=20)
    yield pool
    pool.close()


def test_the_set_is_large_enough():
    assert len({*(pair for pair, _ in JUDGED), *answers.HOSTILE}) >= 200


def test_answers_are_judged_as_by_hand_and_in_their_order(pool):
    found = pool.equal([pair for pair, _ in JUDGED])
    assert [pair for (pair, equal), v in zip(JUDGED, found, strict=True) if v != equal] == []
    again = pool.equal([pair for pair, _ in reversed(JUDGED)])
    assert again == found[::-1]
    assert pool.over_limit == 0


@pytest.fixture(scope="module")
def strict():
    """A pool of one worker that gives up early."""
    pool = GradingPool(1, seconds=0.3)
    yield pool
    pool.close()


@pytest.mark.parametrize("hostile", ["10^{10^{10}}", "(" * 10_000, "1000000000!"])
def test_hostile_answers_are_wrong_and_the_next_one_is_graded(strict, hostile):
    before = strict.over_limit
    assert strict.equal([("1/2", "0.5"), ("3", hostile), ("3", "3.0")]) == [True, False, True]
    assert strict.over_limit == before + 1
    assert strict.equal([("3", hostile)]) == [False]
    assert strict.over_limit == before + 1, "what is known is not compared again"


def test_memory_has_a_limit_of_its_own():
    """The time would suffice: only the refused allocation ends it."""
    pool = GradingPool(1, seconds=60, memory=150 * 2**20)
    assert pool.equal([("3", "x" * 10**8), ("3", "6/2")]) == [False, True]
    assert pool.over_limit == 1
    pool.close()


HOSTILE_IN_A_PROCESS = """
import json, resource, sys
sys.path.insert(0, sys.argv[1])
from answers import HOSTILE
from polar_search.tasks.grading_pool import GradingPool
pool = GradingPool(2, seconds=1)
verdicts = pool.equal([*HOSTILE, ("3", "6/2")])
pool.close()
print(json.dumps([verdicts, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))
"""


@pytest.mark.slow
def test_no_hostile_answer_takes_the_run_down():
    command = [sys.executable, "-c", HOSTILE_IN_A_PROCESS, str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    verdicts, kib = json.loads(done.stdout)
    assert verdicts == [False] * len(answers.HOSTILE) + [True]
    assert kib < 500 * 1024


def test_a_worker_that_is_killed_is_replaced_and_asked_again():
    pool = GradingPool(1, seconds=20)
    assert pool.equal([("2", "4/2")]) == [True]
    [worker] = pool._idle.queue
    os.kill(worker._process.pid, signal.SIGKILL)
    worker._process.wait()
    assert pool.equal([("3", "6/2"), ("3", "6/3")]) == [True, False]
    assert pool.over_limit == 0
    pool.close()
    assert pool.equal([("4", "8/2")]) == [True], "a closed pool starts again"
    pool.close()


def test_workers_that_cannot_start_are_no_verdict():
    pool = GradingPool(1, memory=2**20)
    with pytest.raises(TaskError, match=r"a grading process to start, received exit code"):
        pool.equal([("1/2", "0.5")])
    pool.close()


def test_a_text_without_a_closed_box_is_not_graded():
    texts = ["42", r"\boxed{42", r"It is \boxed{42}. Or \boxed{43}", r"\boxed{\frac{84}{2}}", ""]
    assert grade_math([("42", text) for text in texts]) == [
        *(Verdict(False, None), Verdict(False, None), Verdict(True, "42")),
        *(Verdict(True, r"\frac{84}{2}"), Verdict(False, None)),
    ]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        (r"a \boxed{1} b \boxed{2}", "1", "2"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}", r"\frac{1}{2}"),
        (r"\boxed{\boxed{3}}", r"\boxed{3}", "3"),
        (r"\boxed{}", "", ""),
        (r"\boxed{1", None, None),
        (r"\boxed 1", None, None),
        ("", None, None),
    ],
)
def test_boxes(text, first, last):
    assert (boxed(text), last_boxed(text)) == (first, last)


def test_exact_answers_ignore_white_space_only():
    texts = ["New York", " New \n York ", r"\boxed{New York}", "new york", "New York!", ""]
    found = grade_exactly([("New York", text) for text in texts])
    assert [verdict.correct for verdict in found] == [True] * 3 + [False] * 3
    assert found[-1].answer is None


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        *[("B", "B"), (" B", "B"), ("(B)", "B"), ("B. Paris", "B"), (r"\boxed{B}", "B")],
        *[(r"\boxed{\text{(B)}}", "B"), (r"\boxed{\mathrm{B}}", "B"), ("B)", "B"), ("**B**", "B")],
        *[("Because", None), ("", None), ("42", None), ("b", None), (r"\boxed{C}", "C")],
    ],
)
def test_letters(text, letter):
    assert grade_letters([("B", text)]) == [Verdict(letter == "B", letter)]
