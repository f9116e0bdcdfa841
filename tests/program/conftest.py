"""Programs by brute force: every way to write one, with nothing of the library in it."""

from itertools import product

import pytest


def partitions(num_layers, max_segment):
    """All ways to cut layers into segments, as tuples of lengths."""
    if num_layers == 0:
        return [()]
    return [
        (first, *rest)
        for first in range(1, min(max_segment, num_layers) + 1)
        for rest in partitions(num_layers - first, max_segment)
    ]


def writings(lengths, max_repeats):
    """All (path, executions of each segment) over one partition, the empty path included."""
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    for executions in product(range(max_repeats + 1), repeat=len(lengths)):
        path = []
        for start, length, times in zip(starts, lengths, executions, strict=True):
            path += list(range(start, start + length)) * times
        yield tuple(path), executions


def preference(lengths, executions):
    """Smallest is canonical: fewer segments, fewer skips, more repeats, larger ones earlier."""
    repeats = sum(times > 1 for times in executions)
    return len(lengths), executions.count(0), -repeats, tuple(-length for length in lengths)


class BruteForce:
    def __init__(self, num_layers, max_segment, max_repeats, lengths=None):
        self.partitions = partitions(num_layers, max_segment) if lengths is None else [lengths]
        self.max_repeats = max_repeats
        self.parses = {}
        for cut in self.partitions:
            for path, executions in writings(cut, max_repeats):
                self.parses.setdefault(path, []).append((cut, executions))
        del self.parses[()]

    def canonical(self, path):
        """The canonical (lengths, executions) of a path."""
        return min(self.parses[path], key=lambda parse: preference(*parse))

    def edits(self, path):
        return sum(times != 1 for times in self.canonical(path)[1])

    def ordered(self, max_depth=None, max_edits=None):
        """All paths within the bounds, by edits, depth and path."""
        keys = [(self.edits(path), len(path), path) for path in self.parses]
        return [
            path
            for edits, depth, path in sorted(keys)
            if (max_depth is None or depth <= max_depth)
            and (max_edits is None or edits <= max_edits)
        ]

    def neighbours(self):
        """Pairs of paths that differ in one segment of some common partition."""
        pairs = set()
        for cut in self.partitions:
            path_of = {executions: path for path, executions in writings(cut, self.max_repeats)}
            for executions, path in path_of.items():
                for i, times in product(range(len(cut)), range(self.max_repeats + 1)):
                    other = path_of[(*executions[:i], times, *executions[i + 1 :])]
                    if path and other and path != other:
                        pairs.add((path, other))
        return pairs


@pytest.fixture(scope="session")
def brute_force():
    return BruteForce
