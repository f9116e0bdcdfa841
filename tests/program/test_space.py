"""Program spaces against brute force: what is in them, how many, in which order, how likely."""

import json
import pickle
import random
from collections import Counter
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from polar_search.errors import ConfigError, ProgramError
from polar_search.program import Program, ProgramSpace


@st.composite
def options(draw):
    """Options of small spaces; now and then such that no program is left."""
    num_layers = draw(st.integers(1, 6))
    segmentation = None
    if draw(st.booleans()):
        cuts = sorted(draw(st.sets(st.integers(1, num_layers - 1)))) if num_layers > 1 else []
        segmentation = tuple(b - a for a, b in pairwise([0, *cuts, num_layers]))
    return {
        "num_layers": num_layers,
        "max_segment": draw(st.integers(1, 4)),
        "max_repeats": draw(st.integers(1, 3)),
        "segmentation": segmentation,
        "max_depth": draw(st.none() | st.integers(1, 2 * num_layers)),
        "max_edits": draw(st.none() | st.integers(0, num_layers)),
    }


def brute(brute_force, options):
    names = ("num_layers", "max_segment", "max_repeats", "segmentation")
    return brute_force(*(options[name] for name in names))


def unbounded(options):
    return ProgramSpace(**{**options, "max_depth": None, "max_edits": None})


@given(options=options())
def test_space_is_what_brute_force_finds(brute_force, options):
    everything = brute(brute_force, options)
    expected = everything.ordered(options["max_depth"], options["max_edits"])
    if not expected:
        with pytest.raises(ConfigError, match="raise one of the two"):
            ProgramSpace(**options)
        return
    space = ProgramSpace(**options)
    programs = list(space)
    assert [program.path for program in programs] == expected
    assert space.size() == len(expected)
    for program in unbounded(options):
        assert (program in space) is (program.path in expected)
        assert space.contains(program) is (program in space)
        assert space.edits(program) == everything.edits(program.path)
    for program in programs:
        assert Program.from_path(program.path, space.num_layers, space.max_segment) == program
        assert len(set(space.segmentation or [1])) > 1 or program.edits == space.edits(program)


@given(options=options(), edits=st.integers(-1, 7), depth=st.integers(-1, 13))
def test_programs_with_are_a_slice_of_the_space(options, edits, depth):
    try:
        space = ProgramSpace(**options)
    except ConfigError:
        return
    expected = [p for p in space if (space.edits(p), p.depth) == (edits, depth)]
    assert list(space.programs_with(edits, depth)) == expected


@given(options=options())
def test_neighbours_differ_in_one_segment(brute_force, options):
    try:
        space = ProgramSpace(**options)
    except ConfigError:
        return
    programs = set(space)
    expected = {}
    for one, two in brute(brute_force, options).neighbours():
        expected.setdefault(one, set()).add(two)
    for program in unbounded(options):
        neighbours = space.neighbours(program)
        found = {neighbour.path for neighbour in neighbours}
        assert len(found) == len(neighbours)
        assert found == expected.get(program.path, set()) & {p.path for p in programs}


@given(options=options(), seed=st.integers(0, 9))
def test_samples_are_of_the_space_and_repeatable(options, seed):
    try:
        space = ProgramSpace(**options)
    except ConfigError:
        return
    one, two = random.Random(seed), random.Random(seed)
    samples = [space.sample(one) for _ in range(20)]
    assert all(program in space for program in samples)
    assert samples == [space.sample(two) for _ in range(20)]


class NumberedDraw:
    """In place of a random generator: draws the number it was given."""

    def __init__(self, number):
        self.number = number

    def randrange(self, stop):
        assert self.number < stop
        return self.number


@given(options=options())
def test_each_number_below_the_size_draws_another_program(options):
    try:
        space = ProgramSpace(**options)
    except ConfigError:
        return
    drawn = [space.sample(NumberedDraw(number)) for number in range(space.size())]
    assert len(set(drawn)) == len(drawn)
    assert set(drawn) == set(space)


@pytest.mark.parametrize(
    "options",
    [
        {"num_layers": 4, "max_segment": 2},
        {"num_layers": 4, "max_segment": 3, "max_depth": 5},
        {"num_layers": 6, "max_edits": 2},
        {"num_layers": 5, "max_repeats": 3, "max_edits": 2, "max_depth": 6},
        {"num_layers": 6, "segmentation": (1, 3, 2), "max_repeats": 4},
        {"num_layers": 3, "max_edits": 1},
    ],
)
def test_sampling_is_uniform(options):
    space = ProgramSpace(**options)
    rng = random.Random(1)
    counts = Counter(space.sample(rng) for _ in range(50 * space.size()))
    observed = [counts[program] for program in space]
    assert sum(observed) == 50 * space.size()
    assert chisquare(observed).pvalue > 0.001


def test_neighbours_are_mutual_and_ordered_in_a_real_space():
    space = ProgramSpace(12, max_repeats=3, max_edits=3, max_depth=16)
    rng = random.Random(0)
    for _ in range(20):
        program = space.sample(rng)
        neighbours = space.neighbours(program)
        assert neighbours == space.neighbours(program)
        assert program not in neighbours
        assert all(other in space for other in neighbours)
        assert all(program in space.neighbours(other) for other in neighbours)


def test_neighbours_of_the_identity_are_the_programs_of_one_edit():
    space = ProgramSpace(12)
    neighbours = space.neighbours(Program.identity(12))
    assert sorted(p.path for p in neighbours) == sorted(
        p.path for p in ProgramSpace(12, max_edits=1) if p.edits
    )
    assert list(map(str, ProgramSpace(3).neighbours(Program.identity(3)))) == [
        *("S1 K2", "R1 K2", "S2 K1", "R2 K1", "R3"),
        *("K1 S1 K1", "K1 R1 K1", "K1 S2", "K1 R2", "K2 S1", "K2 R1"),
    ]


def test_neighbours_of_a_program_beyond_the_bounds():
    space = ProgramSpace(4, max_depth=2)
    assert set(map(str, space.neighbours(Program.identity(4)))) == {
        *("S3 K1", "S2 K2", "K1 S3", "K2 S2", "K1 S2 K1"),
    }


def count_by_recurrence(num_layers, max_segment, max_repeats):
    """Skip or keep the next layer, or repeat a segment that begins with it."""
    ways = [1]
    for n in range(1, num_layers + 1):
        repeats = sum(ways[n - k] for k in range(1, min(max_segment, n) + 1))
        ways.append(2 * ways[-1] + (max_repeats - 1) * repeats)
    return ways[-1] - 1


@pytest.mark.parametrize("num_layers", [12, 36, 80])
@pytest.mark.parametrize("max_repeats", [1, 2, 4])
def test_large_sizes(num_layers, max_repeats):
    free = ProgramSpace(num_layers, max_repeats=max_repeats)
    assert free.size() == count_by_recurrence(num_layers, 4, max_repeats)
    fixed = ProgramSpace(num_layers, segmentation=4, max_repeats=max_repeats)
    assert fixed.size() == (1 + max_repeats) ** (num_layers // 4) - 1
    deep = ProgramSpace(num_layers, max_repeats=max_repeats, max_depth=num_layers * max_repeats)
    assert deep.size() == free.size()
    shallow = ProgramSpace(num_layers, max_repeats=1, max_depth=1)
    assert shallow.size() == num_layers


def test_bounds_of_large_spaces():
    whole = ProgramSpace(40, max_repeats=3)
    assert ProgramSpace(40, max_repeats=3, max_edits=40).size() == whole.size()
    # An edit for each layer: repeated alone (twice or three times), or skipped, no two in a row.
    all_edited = [1, 3]
    while len(all_edited) <= 40:
        all_edited.append(2 * all_edited[-1] + 2 * all_edited[-2])
    assert ProgramSpace(40, max_repeats=3, max_edits=39).size() == whole.size() - all_edited[40]
    shallow = ProgramSpace(24, max_repeats=3, max_edits=2, max_depth=26)
    listed = [p for p in ProgramSpace(24, max_repeats=3, max_edits=2) if p.depth <= 26]
    assert shallow.size() == len(listed)
    assert listed == list(shallow)


def test_the_size_of_the_two_edit_space_is_what_it_lists():
    programs = list(ProgramSpace(12, max_edits=2))
    assert len(programs) == len(set(programs)) == ProgramSpace(12, max_edits=2).size() == 2367
    assert [str(p) for p in programs[:4]] == ["K12", "K8 S4", "K7 S4 K1", "K6 S4 K2"]


@pytest.mark.parametrize("num_layers", [36, 80])
def test_huge_spaces_are_lazy(num_layers):
    space = ProgramSpace(num_layers, max_repeats=4)
    programs = list(islice(space, 5000))
    keys = [(p.edits, p.depth, p.path) for p in programs]
    assert programs[0] == Program.identity(num_layers)
    assert all(one < two for one, two in pairwise(keys))
    assert all(p in space for p in programs)


def test_huge_spaces_are_sampled():
    rng = random.Random(0)
    for bounds in ({}, {"max_edits": 5}, {"max_depth": 70}, {"max_edits": 5, "max_depth": 70}):
        space = ProgramSpace(80, max_repeats=4, **bounds)
        samples = {space.sample(rng) for _ in range(50)}
        assert len(samples) == 50
        assert all(program in space for program in samples)


def test_fixed_segments_count_their_own_edits():
    space = ProgramSpace(6, segmentation=(2, 1, 3), max_edits=2)
    program = Program.parse("S3 K3")
    assert space.edits(program) == 2
    assert program.edits == 1
    assert program in space
    assert program not in ProgramSpace(6, segmentation=(2, 1, 3), max_edits=1)
    assert Program.parse("R2 R4") not in space
    assert space.max_segment == 3


def test_programs_of_other_models_and_segments():
    space = ProgramSpace(8, max_segment=2)
    assert Program.identity(9) not in space
    assert Program.parse("R4 K4") not in space
    assert Program.parse("R2x3 K6") not in space
    with pytest.raises(ProgramError, match="executed 2 times at most, received 'R2x3 K6'"):
        space.edits(Program.parse("R2x3 K6"))
    with pytest.raises(ProgramError, match="expected a program of 8 layers in free segments"):
        space.neighbours(Program.identity(9))
    with pytest.raises(ProgramError, match=r"fixed \(4, 4\) segments of .* received 'S1 K7'"):
        ProgramSpace(8, segmentation=4).edits(Program.parse("S1 K7"))


@given(options=options())
def test_spaces_are_values(options):
    try:
        space = ProgramSpace(**options)
    except ConfigError:
        return
    space.size()
    for again in (
        ProgramSpace.from_dict(json.loads(json.dumps(space.to_dict()))),
        pickle.loads(pickle.dumps(space)),
    ):
        assert again == space
        assert hash(again) == hash(space)
        assert list(again) == list(space)
    assert len(pickle.dumps(space)) < 400


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_layers": 0}, "expected num_layers to be an integer of 1 or more, received 0"),
        ({"num_layers": 2.0}, "received 2.0"),
        ({"num_layers": True}, "received True"),
        ({"num_layers": None}, "received None; give such a number$"),
        ({"num_layers": 4, "max_segment": 0}, "expected max_segment"),
        ({"num_layers": 4, "max_repeats": 0}, "expected max_repeats"),
        ({"num_layers": 4, "max_depth": 0}, "max_depth .* give such a number or none"),
        ({"num_layers": 4, "max_edits": -1}, "max_edits to be an integer of 0 or more"),
        ({"num_layers": 4, "segmentation": 3}, "sum to 4 layers, received 3"),
        ({"num_layers": 4, "segmentation": -2}, "received -2"),
        ({"num_layers": 4, "segmentation": 2.0}, "received 2.0"),
        ({"num_layers": 4, "segmentation": "22"}, "received '22'"),
        ({"num_layers": 4, "segmentation": (2, 1)}, r"received \(2, 1\)"),
        ({"num_layers": 4, "segmentation": (5, -1)}, r"lengths of 1 or more"),
        ({"num_layers": 4, "max_depth": 3, "max_edits": 0}, "max_depth of 4 or more"),
        ({"num_layers": 9, "max_depth": 4, "max_edits": 1}, "max_depth of 5 or more"),
    ],
)
def test_impossible_spaces_say_why(options, message):
    with pytest.raises(ConfigError, match=message) as caught:
        ProgramSpace(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [{}, {"num_layers": 4, "max_repeat": 2}, {"max_edits": 1}])
def test_configs_with_wrong_names_say_why(data):
    with pytest.raises(ConfigError, match=r"max_segment, max_repeats.*correct the names"):
        ProgramSpace.from_dict(data)
