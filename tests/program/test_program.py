"""Programs against brute force: reading paths, the notation, and what a value must be."""

import copy
import multiprocessing
import pickle
import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polar_search.errors import PolarSearchError, ProgramError
from polar_search.program import Operation, Program, Segment


@st.composite
def segment_lists(draw):
    """Segments of up to five layers that execute something."""
    pieces = draw(
        st.lists(st.tuples(st.integers(1, 5), st.integers(0, 4)), min_size=1, max_size=10).filter(
            lambda pieces: any(times for _, times in pieces)
        )
    )
    segments, start = [], 0
    for length, times in pieces:
        segments.append(Segment(start, length, times))
        start += length
    return segments


@pytest.mark.parametrize(
    ("path", "num_layers", "text", "lengths", "edits"),
    [
        (range(12), 12, "K12", [4, 4, 4], 0),
        ([0, 1, 2, 3, 6, 7, 8, 9, 6, 7, 8, 9, 10, 11], 12, "K4 S2 R4 K2", [4, 2, 4, 2], 2),
        ([0, 1, 0, 1, 0, 1, 2], 4, "R2x3 K1 S1", [2, 1, 1], 2),
        ([0, 9], 10, "K1 S8 K1", [1, 4, 4, 1], 2),
        ([5], 6, "S5 K1", [4, 1, 1], 2),
        ([0, 0], 1, "R1", [1], 1),
        ([0, 0, 1, 1], 2, "R1 R1", [1, 1], 2),
        ([0, 1, 1, 2], 3, "K1 R1 K1", [1, 1, 1], 1),
        ([1] * 7, 3, "S1 R1x7 S1", [1, 1, 1], 3),
    ],
)
def test_by_hand(path, num_layers, text, lengths, edits):
    program = Program.from_path(path, num_layers)
    assert str(program) == text
    assert [segment.length for segment in program.segments] == lengths
    assert program.edits == edits
    assert program.depth == len(path)
    assert program.unique_depth == len(set(path))
    assert Program.parse(text, num_layers) == program


@pytest.mark.parametrize("max_segment", [1, 2, 3, 4])
@pytest.mark.parametrize("num_layers", [1, 2, 3, 4, 5])
def test_segments_are_the_canonical_parse(brute_force, num_layers, max_segment):
    brute = brute_force(num_layers, max_segment, max_repeats=3)
    for path, parses in brute.parses.items():
        program = Program.from_path(path, num_layers, max_segment)
        lengths, executions = brute.canonical(path)
        assert tuple(segment.length for segment in program.segments) == lengths
        assert tuple(segment.executions for segment in program.segments) == executions
        assert program.edits == min(sum(n != 1 for n in times) for _, times in parses)
        assert tuple(i for segment in program.segments for i in segment.path) == path


@pytest.mark.parametrize("max_segment", [1, 2, 3])
def test_paths_that_no_segments_write_are_refused(brute_force, max_segment):
    written = brute_force(3, max_segment, max_repeats=6).parses
    for length in range(7):
        for path in product(range(-1, 4), repeat=length):
            if path in written:
                assert Program.from_path(path, 3, max_segment).path == path
            else:
                with pytest.raises(ProgramError):
                    Program.from_path(path, 3, max_segment)


@given(segment_lists(), st.integers(5, 7))
def test_segments_and_notation_round_trip(segments, max_segment):
    num_layers = segments[-1].stop
    program = Program.from_segments(segments, num_layers, max_segment)
    assert program.path == tuple(i for segment in segments for i in segment.path)
    assert Program.from_segments(program.segments, num_layers, max_segment) == program
    assert Program.from_path(program.path, num_layers, max_segment) == program
    assert Program.parse(str(program)) == program
    assert str(Program.parse(str(program))) == str(program)
    assert all(segment.length <= max_segment for segment in program.segments)
    assert [segment.start for segment in program.segments[1:]] == [
        segment.stop for segment in program.segments[:-1]
    ]


@given(segment_lists(), segment_lists())
def test_programs_of_one_path_are_one_program(first, second):
    one, two = (Program.from_segments(s, s[-1].stop, 5) for s in (first, second))
    same = (one.path, one.num_layers) == (two.path, two.num_layers)
    assert (one == two) is same
    assert not same or hash(one) == hash(two)
    assert len({one, Program.from_path(one.path, one.num_layers, 6), one}) == 1
    assert one != Program.from_path(one.path, one.num_layers + 1, 5)
    assert one != one.path


def test_neighbouring_words_of_a_kind_join():
    assert str(Program.parse("K1 K3 S2 S3 R2 R2x2")) == "K4 S5 R2 R2"


def test_operations():
    program = Program.parse("K1 S1 R1x4")
    assert [s.operation for s in program.segments] == [
        Operation.KEEP,
        Operation.SKIP,
        Operation.REPEAT,
    ]
    assert [s.path for s in program.segments] == [(0,), (), (2, 2, 2, 2)]


def test_long_repeats_are_read_back_from_their_notation():
    program = Program.from_path([*range(6)] * 2, 6, max_segment=6)
    assert Program.parse(str(program), 6) == program
    assert program.segments == (Segment(0, 6, 2),)


def test_other_integers_become_plain_ones():
    program = Program.from_path(np.arange(3), np.int64(3))
    assert program == Program.identity(3)
    assert {type(i) for i in (*program.path, program.num_layers)} == {int}


@pytest.mark.parametrize(
    ("path", "num_layers", "message"),
    [
        ([], 4, "executes a layer, received an empty path; keep some segment"),
        ([0, 4], 4, "expected layers from 0 to 3, received 4 at position 1"),
        ([2, 3, 4], 4, "received 4 at position 2"),
        ([-1], 4, "expected layers from 0 to 3, received -1 at position 0"),
        ([2, 1], 4, "received 1 after 2 at position 1 of the path"),
        ([0, 1, 2, 0, 1, 3], 4, r"layers 0 to 2 to be repeated as a whole, received \[0, 1, 3\]"),
        ([0, 1, 1, 0], 4, "received 0 after 1 at position 3"),
        ([*range(5)] * 2, 5, "at most 4 layers, received layers 0 to 4 .* raise max_segment"),
        ([0.5], 4, "expected a program of integers"),
        ([0], 0, "num_layers and max_segment of 1 or more, received 0 and 4"),
    ],
)
def test_refused_paths_say_why(path, num_layers, message):
    with pytest.raises(ProgramError, match=message) as caught:
        Program.from_path(path, num_layers)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, PolarSearchError)


@pytest.mark.parametrize(
    ("text", "num_layers", "message"),
    [
        ("", None, "received an empty text"),
        ("S4", None, "received an empty path"),
        ("K4 Q2", None, "received 'Q2'"),
        ("K0", None, "received 'K0'"),
        ("R2x1", None, "received 'R2x1'.*at least twice"),
        ("K2x2", None, "received 'K2x2'"),
        ("k2", None, "received 'k2'"),
        ("K" + "9" * 5000, None, "expected words such as"),
        ("K4 S2", 8, "cover 8 layers, received 6"),
        ("K999999999", 12, "cover 12 layers, received 999999999"),
    ],
)
def test_refused_texts_say_why(text, num_layers, message):
    with pytest.raises(ProgramError, match=message) as caught:
        Program.parse(text, num_layers)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "segments",
    [
        [],
        [Segment(1, 3, 1)],
        [Segment(0, 2, 1), Segment(3, 1, 1)],
        [Segment(0, 4, 1), Segment(4, 0, 1)],
        [Segment(0, 5, 1), Segment(5, -1, 0)],
        [Segment(0, 4, -1)],
    ],
)
def test_refused_segments(segments):
    with pytest.raises(ProgramError, match="received"):
        Program.from_segments(segments, 4)


def test_programs_cannot_be_changed():
    program = Program.identity(3)
    with pytest.raises(AttributeError, match="immutable"):
        program.path = (0,)
    with pytest.raises(AttributeError, match="immutable"):
        del program.path
    assert copy.deepcopy(program) == program


def test_pickles_are_small_and_cross_processes():
    program = Program.from_path([*range(36), 32, 33, 34, 35], 36, max_segment=8)
    assert len(pickle.dumps(program)) < 250
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        back = pool.apply(copy.copy, (program,))
    assert back == program
    assert hash(back) == hash(program)
    assert back.segments == program.segments


def test_programs_need_no_heavy_imports():
    check = (
        "import sys, polar_search.program;"
        "print(*{'torch', 'numpy', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
