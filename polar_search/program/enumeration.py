"""Walking through the paths of a program space: one after the other, or straight to the n-th."""

from __future__ import annotations

from collections.abc import Iterator

from polar_search.program.counting import Completions
from polar_search.program.writing import steps


def walk(counts: Completions, edits: int, depth: int) -> Iterator[tuple[int, ...]]:
    """Yields all paths with so many edits and so many layers, in lexicographic order.

    Steps that lead to no path of this kind are never taken, so that no work is wasted, and only the
    branches beside one path are held in memory.
    """
    writer, table, count = counts.writer, steps(counts.writer), counts.count
    branches: list[tuple[int, int, int, tuple[int, ...]]] = []
    if count(writer.start, edits, depth):
        branches.append((writer.start, edits, depth, ()))
    while branches:
        state, edits, depth, path = branches.pop()
        if not edits and not depth and writer.is_end(state):
            yield path
            continue
        for step in reversed(table[state]):
            edits_left, depth_left = edits - step.edits, depth - step.depth
            if count(step.target, edits_left, depth_left):
                branches.append((step.target, edits_left, depth_left, path + step.layers))


def path_at(
    counts: Completions, number: int, edits: int | None, depth: int | None
) -> tuple[int, ...]:
    """Gives the path that has so many before it, among those with so many edits and layers.

    None for ``edits`` or ``depth`` means any.
    """
    writer, table = counts.writer, steps(counts.writer)
    state = writer.start
    path: list[int] = []
    while True:
        for step in table[state]:
            edits_left = None if edits is None else edits - step.edits
            depth_left = None if depth is None else depth - step.depth
            ways = counts.count(step.target, edits_left, depth_left)
            if number < ways:
                break
            number -= ways
        else:
            return tuple(path)
        state, edits, depth = step.target, edits_left, depth_left
        path += step.layers
