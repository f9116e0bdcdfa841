"""Choosing among answers without the key."""

import math

import pytest

from polar_search.predictor.selection import Answer, confident, majority, weighted


def answers(*pairs):
    return [Answer(answer, math.log(chance), False) for answer, chance in pairs]


def test_the_majority_and_its_ties():
    assert majority(answers(("a", 0.9), ("b", 0.1), ("b", 0.1))) == 1
    assert majority(answers(("a", 0.1), ("b", 0.9))) == 0


def test_the_most_confident():
    assert confident(answers(("a", 0.5), ("b", 0.6), ("c", 0.6))) == 1


def test_votes_weigh_their_confidence():
    assert weighted(answers(("a", 0.9), ("b", 0.4), ("b", 0.4))) == 0
    assert weighted(answers(("a", 0.7), ("b", 0.4), ("b", 0.4))) == 1


@pytest.mark.parametrize("choose", [majority, confident, weighted])
def test_no_answer_is_no_vote(choose):
    assert choose(answers((None, 0.9), (None, 0.9), ("a", 0.1))) == 2
    assert choose(answers((None, 0.9), (None, 0.8))) == 0


@pytest.mark.parametrize("choose", [majority, confident, weighted])
def test_the_key_has_no_say(choose):
    given = answers(("a", 0.5), ("b", 0.6), ("a", 0.4))
    keyed = [Answer(a.answer, a.confidence, True) for a in given]
    assert choose(given) == choose(keyed)
