"""The same sum in other words: every rewriting has the value of its question."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polar_search.tasks import TASKS

sys.path.append(str(Path(__file__).resolve().parents[2] / "experiments" / "predictor"))
from rewriting import inverses, rewrites

EXAMPLES = TASKS.load("arithmetic")().examples("train")


def value(question):
    """A chain of numbers and + - *, checked here to be nothing else."""
    assert set(question) <= set("0123456789+-*=")
    return eval(question.removesuffix("="), {})


@given(st.sampled_from(EXAMPLES), st.integers(1, 12))
def test_other_words_have_the_same_value(example, count):
    found = rewrites(example.question, count)
    assert found[0] == example.question
    assert len(set(found)) == len(found) <= count
    assert found == rewrites(example.question, count)
    for question in found:
        assert question[0].isdigit()
        assert value(question) == int(example.answer)
        assert sorted(question) == sorted(example.question)


@given(st.sampled_from(EXAMPLES), st.integers(-99, 99))
def test_inverse_sums_come_out_for_the_right_answer_alone(example, answer):
    checks = inverses(example.question, str(answer))
    assert bool(checks) == (example.level == 1)
    if answer == int(example.answer):
        assert all(value(question) == int(want) for question, want in checks)
    elif checks and "*" not in example.question:
        assert any(value(question) != int(want) for question, want in checks)


@pytest.mark.parametrize("answer", ["", "-", "4a"])
def test_what_is_no_number_has_no_inverse(answer):
    assert inverses("3+4=", answer) == []
