"""What valid programs look like (Figure 7), and what one edit more or less does to them.

An edit is a run of layers that is not kept: neighbouring skipped layers are one edit. The shares
are over edits, or over pairs of neighbouring programs, of many programs of an example; so their
intervals are clustered by example. They describe the programs that were searched: an agent that
prefers a place finds its valid programs there, so positions are told beside those of all programs
tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from polar_search.analysis.intervals import Estimate, clustered_share
from polar_search.analysis.outcomes import Bools, Ints, Level, Outcomes
from polar_search.program import Program, Segment

LENGTHS = (1, 2, 3, 4, 5)
"""Layers of an edit; the last one stands for all longer ones."""
RECURRENCES = (0, 1, 2)
"""Executions of an edit beyond the first; 0 is a skip, the last one stands for all larger ones."""
THIRDS = ("first", "middle", "last")


@dataclass(frozen=True)
class SegmentRow:
    """Edits of valid programs at one level (Figure 7).

    Attributes:
        level: the level, or "all".
        kind: what is counted: the `layers` of an edit or its `recurrences`.
        value: how many.
        share: of the edits of all valid programs.
    """

    level: Level
    kind: Literal["layers", "recurrences"]
    value: int
    share: Estimate


@dataclass(frozen=True)
class PositionRow:
    """Where programs are edited, at one level.

    Attributes:
        level: the level, or "all".
        edit: 1 for the first edit of a program along its layers, 2 for the second.
        third: which third of the model the middle of the edit lies in.
        valid: share of the valid programs with such an edit.
        tried: share of all programs tried with such an edit.
    """

    level: Level
    edit: int
    third: str
    valid: Estimate
    tried: Estimate


@dataclass(frozen=True)
class RobustnessRow:
    """Correcting programs and their executed neighbours, at one level.

    Attributes:
        level: the level, or "all".
        removed: share of the neighbours with one edit less (the identity left out, which is wrong
            on these examples) that still correct.
        added: share of the neighbours with one edit more that still correct.
    """

    level: Level
    removed: Estimate
    added: Estimate


class Edits(list[tuple[Segment, ...]]):
    """The edits of each program (`[P]`), in the order of their layers.

    What is counted in them is counted once, since luck asks for it under many verdicts.
    """

    @cached_property
    def lengths(self) -> Ints:
        """Edits of each program by `LENGTHS` (`[P, 5]`)."""
        return _count(self, lambda edit: min(edit.length, LENGTHS[-1]) - 1, len(LENGTHS))

    @cached_property
    def recurrences(self) -> Ints:
        """Edits of each program by `RECURRENCES` (`[P, 3]`)."""
        last = RECURRENCES[-1]
        return _count(self, lambda edit: min(max(edit.executions - 1, 0), last), last + 1)

    @cached_property
    def neighbours(self) -> tuple[Ints, Ints]:
        """Codes of the programs that differ by one edit: those with more, those with fewer."""
        code = {frozenset(program): number for number, program in enumerate(self)}
        pairs = [
            (number, code[fewer])
            for number, program in enumerate(self)
            for edit in program
            if (fewer := frozenset(program) - {edit}) and fewer in code
        ]
        array = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return array[:, 0], array[:, 1]


def edits_of(outcomes: Outcomes) -> Edits:
    """The edits of the programs that were tried."""
    ends = np.cumsum(outcomes.depth)
    paths = (outcomes.layers[end - n : end] for end, n in zip(ends, outcomes.depth, strict=True))
    depth = outcomes.num_layers
    programs = (Program.from_path(path.tolist(), depth, max_segment=depth) for path in paths)
    return Edits(tuple(run for run in p.runs if run.executions != 1) for p in programs)


def segments(outcomes: Outcomes, edits: Edits) -> tuple[SegmentRow, ...]:
    """Figure 7, from the edits of each program."""
    lengths, recurrences = (
        _by_example(outcomes, outcomes.correct, counts)
        for counts in (edits.lengths, edits.recurrences)
    )
    return tuple(
        SegmentRow(level, kind, value, _share(counts[examples], i))
        for level, examples in outcomes.scopes()
        for kind, values, counts in _kinds(lengths, recurrences)
        for i, value in enumerate(values)
    )


def _kinds(
    lengths: Ints, recurrences: Ints
) -> Iterator[tuple[Literal["layers", "recurrences"], tuple[int, ...], Ints]]:
    yield "layers", LENGTHS, lengths
    yield "recurrences", RECURRENCES, recurrences


def positions(outcomes: Outcomes, edits: Edits) -> tuple[PositionRow, ...]:
    """Thirds of the model in which first and second edits lie."""
    depth = outcomes.num_layers
    everything = np.ones(len(outcomes.correct), dtype=np.bool_)
    rows = []
    for number in (0, 1):
        nth = [program[number : number + 1] for program in edits]
        counts = _count(nth, lambda edit: (2 * edit.start + edit.length) * 3 // (2 * depth), 3)
        valid, tried = (
            _by_example(outcomes, among, counts) for among in (outcomes.correct, everything)
        )
        rows += [
            PositionRow(
                level, number + 1, third, _share(valid[examples], i), _share(tried[examples], i)
            )
            for level, examples in outcomes.scopes()
            for i, third in enumerate(THIRDS)
        ]
    return tuple(rows)


def _count(
    edits: Sequence[tuple[Segment, ...]], bucket_of: Callable[[Segment], int], buckets: int
) -> Ints:
    """How many edits of each program fall into each bucket (`[P, buckets]`)."""
    counts = np.zeros((len(edits), buckets), dtype=np.int64)
    for number, program in enumerate(edits):
        for edit in program:
            counts[number, bucket_of(edit)] += 1
    return counts


def _by_example(outcomes: Outcomes, among: Bools, counts: Ints) -> Ints:
    """Edits in each bucket (`[P, buckets]`) summed over an example's marked outcomes (`[N]`)."""
    example, program = outcomes.example[among], outcomes.program[among]
    size = outcomes.num_examples
    sums = [np.bincount(example, column[program], size) for column in counts.T]
    return np.stack(sums, axis=1).astype(np.int64)


def _share(counts: Ints, bucket: int) -> Estimate:
    """Edits of a bucket among all of them, from those of each example (`[n, buckets]`)."""
    tried = counts.sum(axis=1)
    return clustered_share(counts[tried > 0, bucket], tried[tried > 0])


def robustness(outcomes: Outcomes, edits: Edits, base: Bools) -> tuple[RobustnessRow, ...]:
    """How often a program next to a correcting one corrects as well.

    Args:
        outcomes: the outcomes whose verdicts say what corrects.
        edits: of each program.
        base: `[E]`, which examples the standard pass truly answers (see `shorter_programs`).
    """
    more, fewer = edits.neighbours
    wrong = ~base[outcomes.example]
    pairs = _executed_pairs(outcomes, more, fewer, wrong)
    rows = []
    for level, examples in outcomes.scopes():
        removed, added = (
            _still_correct(outcomes, examples, pairs[:, i], pairs[:, 1 - i]) for i in (0, 1)
        )
        rows.append(RobustnessRow(level, removed, added))
    return tuple(rows)


def _executed_pairs(outcomes: Outcomes, more: Ints, fewer: Ints, among: Bools) -> Ints:
    """Rows of both programs of a pair, where an example has both (`[pairs, 2]`)."""
    size = len(outcomes.programs)
    rows = np.flatnonzero(among)
    key = outcomes.example[rows] * size + outcomes.program[rows]
    order = np.argsort(more, kind="stable")
    more, fewer = more[order], fewer[order]
    first = np.searchsorted(more, outcomes.program[rows], "left")
    count = np.searchsorted(more, outcomes.program[rows], "right") - first
    source = np.repeat(np.arange(len(rows)), count)
    within = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
    wanted = outcomes.example[rows][source] * size + fewer[first[source] + within]
    if not len(wanted):
        return np.zeros((0, 2), dtype=np.int64)
    at = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    found = key[at] == wanted
    return np.stack([rows[source[found]], rows[at[found]]], axis=1)


def _still_correct(outcomes: Outcomes, examples: Bools, centre: Ints, other: Ints) -> Estimate:
    """Of the neighbours of correct outcomes, those that are correct."""
    size = outcomes.num_examples
    correct = outcomes.correct[centre]
    example = outcomes.example[centre[correct]]
    tried = np.bincount(example, minlength=size)[examples]
    hits = np.bincount(example[outcomes.correct[other[correct]]], minlength=size)[examples]
    return clustered_share(hits[tried > 0], tried[tried > 0])
