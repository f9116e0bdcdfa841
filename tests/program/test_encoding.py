"""Encodings: every program of a space, and nothing else, as categorical choices."""

from itertools import product
from random import Random

import pytest

from polar_search.errors import ProgramError
from polar_search.program import Encoding, Program, ProgramSpace

SPACES = {
    "only the identity": ProgramSpace(3, max_edits=0),
    "free": ProgramSpace(6, max_edits=2),
    "free, any edits": ProgramSpace(3),
    "free, three executions": ProgramSpace(4, max_edits=2, max_repeats=3),
    "free, short": ProgramSpace(6, max_edits=3, max_depth=4),
    "fixed": ProgramSpace(6, segmentation=(1, 2, 3)),
    "fixed, one edit": ProgramSpace(8, segmentation=2, max_edits=1, max_repeats=3),
}


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_every_program_comes_back(space):
    encoding = Encoding(space)
    for program in space:
        values = encoding.encode(program)
        assert values.keys() == encoding.choices.keys()
        assert all(value in encoding.choices[name] for name, value in values.items())
        assert encoding.decode(values) == program


@pytest.mark.parametrize("name", ["free", "free, short", "fixed", "fixed, one edit"])
def test_all_choices_together_are_the_space(name):
    encoding = Encoding(SPACES[name])
    names, words = list(encoding.choices), list(encoding.choices.values())
    rng = Random(0)
    drawn = list(product(*words))
    if len(drawn) > 20_000:
        drawn = rng.sample(drawn, 20_000)
    decoded = {encoding.decode(dict(zip(names, values, strict=True))) for values in drawn}
    assert decoded - {None} <= set(SPACES[name])
    if len(drawn) < 20_000:
        assert decoded - {None} == set(SPACES[name])


def test_choices_are_words_with_a_place():
    encoding = Encoding(ProgramSpace(12, max_edits=3))
    assert list(encoding.choices) == ["edit_0", "edit_1", "edit_2"]
    words = encoding.choices["edit_0"]
    assert words[:5] == ("K", "S1@0", "R1@0", "S2@0", "R2@0")
    assert len(words) == 1 + 2 * (12 + 11 + 10 + 9)
    values = {"edit_0": "R4@6", "edit_1": "K", "edit_2": "S2@4"}
    assert encoding.decode(values) == Program.parse("K4 S2 R4 K2")
    assert encoding.encode(Program.parse("K4 S2 R4 K2")) == {
        "edit_0": "S2@4",
        "edit_1": "R4@6",
        "edit_2": "K",
    }


def test_an_edit_that_overlaps_an_earlier_one_counts_for_nothing():
    encoding = Encoding(ProgramSpace(6, max_edits=2))
    assert encoding.decode({"edit_0": "S2@1", "edit_1": "R2@2"}) == Program.parse("K1 S2 K3")


def test_fixed_segments_have_their_operations():
    encoding = Encoding(ProgramSpace(6, segmentation=(1, 2, 3), max_repeats=3))
    assert encoding.choices["segment_2"] == ("K", "S", "R", "Rx3")
    values = {"segment_0": "S", "segment_1": "Rx3", "segment_2": "K"}
    assert encoding.decode(values) == Program.parse("S1 R2x3 K3")
    assert encoding.decode(dict.fromkeys(values, "S")) is None


def test_most_random_choices_are_programs_also_of_deep_models():
    encoding, rng = Encoding(ProgramSpace(36, max_edits=3)), Random(0)
    draws = [{n: rng.choice(w) for n, w in encoding.choices.items()} for _ in range(200)]
    assert all(encoding.decode(values) is not None for values in draws)


def test_programs_of_other_spaces_are_refused():
    with pytest.raises(ProgramError, match="expected a program of the encoded space, received 'K5"):
        Encoding(ProgramSpace(6, max_edits=1)).encode(Program.parse("K5"))
