"""Which work rows share: a forest whose nodes are (prompt, text so far, beginning of a path).

A node is one occurrence in every program that begins with the same layers, for one prompt and one
text. It is computed once and keeps its keys and values in pages. While rows generate, a node of
several rows lives on as one node if their next tokens agree, and splits where they differ.

All arrays are numpy. Letters: n nodes, r rows, P pages of a node.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = -1


@dataclass
class Forest:
    """Nodes and their work in the coming pass over the layers.

    Attributes:
        parent: [n] node that runs before, `ROOT` at the beginning of a path.
        layer: [n] layer of the model.
        depth: [n] position in the path.
        start: [n] position of the first token to compute.
        count: [n] tokens to compute, from ``start`` on.
        pages: [n, P] where keys and values are kept, -1 for no page yet.
    """

    parent: np.ndarray
    layer: np.ndarray
    depth: np.ndarray
    start: np.ndarray
    count: np.ndarray
    pages: np.ndarray

    def __len__(self) -> int:
        return len(self.parent)

    @classmethod
    def empty(cls, pages: int) -> Forest:
        """A forest without nodes."""
        none = np.zeros(0, dtype=np.int64)
        return cls(none, none, none, none, none, np.zeros((0, pages), dtype=np.int64))

    @classmethod
    def of(
        cls, tries: Sequence[Trie], counts: Sequence[int], pages: int
    ) -> tuple[Forest, np.ndarray]:
        """A forest of several tries, whose prompts have ``counts`` tokens, and its leaves."""
        if not tries:
            return cls.empty(pages), np.zeros(0, dtype=np.int64)
        sizes = np.array([len(trie.parent) for trie in tries])
        shifts = (np.cumsum(sizes) - sizes).tolist()
        parents = [
            np.where(t.parent == ROOT, ROOT, t.parent + shift)
            for t, shift in zip(tries, shifts, strict=True)
        ]
        total = int(sizes.sum())
        forest = cls(
            np.concatenate(parents),
            np.concatenate([trie.layer for trie in tries]),
            np.concatenate([trie.depth for trie in tries]),
            np.zeros(total, dtype=np.int64),
            np.repeat(np.array(counts, dtype=np.int64), sizes),
            np.full((total, pages), -1, dtype=np.int64),
        )
        leaves = [t.leaves + shift for t, shift in zip(tries, shifts, strict=True)]
        return forest, np.concatenate(leaves)

    def join(self, other: Forest) -> Forest:
        """Both forests; the nodes of ``other`` come last."""
        shifted = np.where(other.parent == ROOT, ROOT, other.parent + len(self))
        return Forest(
            np.concatenate([self.parent, shifted]),
            np.concatenate([self.layer, other.layer]),
            np.concatenate([self.depth, other.depth]),
            np.concatenate([self.start, other.start]),
            np.concatenate([self.count, other.count]),
            np.concatenate([self.pages, other.pages]),
        )

    def reordered(self, order: np.ndarray) -> tuple[Forest, np.ndarray]:
        """The nodes in another order, and the new place of every old one."""
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        parent = self.parent[order]
        parent = np.where(parent == ROOT, ROOT, place[parent])
        return replace(self._picked(order), parent=parent), place

    def with_filing(self, late: np.ndarray) -> tuple[Forest, np.ndarray]:
        """Let last layers compute the token that decides, and file the tokens before it.

        Args:
            late: Nodes of which nobody needs more than the last hidden state, if no node follows.

        Returns:
            The forest with a new node behind the old ones for each of ``late`` that has tokens to
            file and whose parent is no `ROOT`, and those nodes: they compute only their last token.
        """
        followed = np.zeros(len(self), dtype=bool)
        followed[self.parent[self.parent != ROOT]] = True
        split = late[(self.count[late] > 1) & (self.parent[late] != ROOT) & ~followed[late]]
        if not len(split):
            return self, split
        both = self.join(self._picked(split))
        both.parent[len(self) :] = self.parent[split]
        both.count[len(self) :] -= 1
        both.start[split] += both.count[split] - 1
        both.count[split] = 1
        return both, split

    def _picked(self, nodes: np.ndarray) -> Forest:
        return Forest(*(array[nodes] for array in vars(self).values()))


@dataclass(frozen=True)
class Trie:
    """Paths of one prompt with their common beginnings run once.

    Attributes:
        parent: [n] node before, `ROOT` at the beginning of a path.
        layer: [n]
        depth: [n]
        leaves: [r] last node of every path.
    """

    parent: np.ndarray
    layer: np.ndarray
    depth: np.ndarray
    leaves: np.ndarray


def plant(paths: Sequence[Sequence[int]], *, share: bool = True) -> Trie:
    """The trie of paths; without sharing, every path has nodes of its own."""
    known: dict[tuple[int, int], int] = {}
    parent: list[int] = []
    layers: list[int] = []
    depths: list[int] = []
    leaves = []
    for path in paths:
        node = ROOT
        if not share:
            known.clear()
        for depth, layer in enumerate(path):
            child = known.get((node, layer))
            if child is None:
                child = known[node, layer] = len(parent)
                parent.append(node)
                layers.append(layer)
                depths.append(depth)
            node = child
        leaves.append(node)
    return Trie(*(np.array(x, dtype=np.int64) for x in (parent, layers, depths, leaves)))


@dataclass
class Growth:
    """A forest one token later.

    Attributes:
        forest: Nodes that compute the token; ``pages`` are those of the node they grew from.
        leaves: [r] last node of every row.
        forks: Nodes whose origin lives on in another node too.
    """

    forest: Forest
    leaves: np.ndarray
    forks: np.ndarray


def grow(forest: Forest, leaves: np.ndarray, lengths: np.ndarray, labels: np.ndarray) -> Growth:
    """Let every row compute its next token: rows go on together while their labels agree.

    Args:
        forest: The nodes that the rows have run through.
        leaves: [r] last node of every row.
        lengths: [r] tokens the row has in the cache, the position of the next one.
        labels: [r] not negative; the token to compute (or anything else that tells texts apart).
    """
    # A node of rows of unequal lengths must live on in the longest: it alone owns the last page.
    longest = int(lengths.max(initial=0))
    base = int(labels.max(initial=0)) + 1
    context = (longest - lengths) * base + labels
    width = int(context.max(initial=0)) + 1
    row_depth = forest.depth[leaves]
    sources, contexts, row_places, up_links = [], [], [], []
    above = np.zeros(0, dtype=np.int64)
    for depth in range(int(row_depth.max(initial=-1)), -1, -1):
        here = np.flatnonzero(row_depth == depth)
        keys = np.concatenate([leaves[here] * width + context[here], above])
        unique, places = np.unique(keys, return_inverse=True)
        source, ctx = np.divmod(unique, width)
        sources.append(source)
        contexts.append(ctx)
        row_places.append((here, places[: len(here)]))
        up_links.append(places[len(here) :])
        above = forest.parent[source] * width + ctx
    return assemble(forest, sources, contexts, row_places, up_links, longest, base, len(leaves))


def assemble(
    forest: Forest,
    sources: list[np.ndarray],
    contexts: list[np.ndarray],
    row_places: list[tuple[np.ndarray, np.ndarray]],
    up_links: list[np.ndarray],
    longest: int,
    base: int,
    rows: int,
) -> Growth:
    """Number the levels that `grow` found, deepest level last, and link them."""
    sizes = [len(source) for source in reversed(sources)]
    offsets = dict(enumerate(np.concatenate([[0], np.cumsum(sizes)]).tolist()))
    levels = len(sources)
    leaves = np.zeros(rows, dtype=np.int64)
    parents = []
    for depth in range(levels):
        i = levels - 1 - depth
        here, places = row_places[i]
        leaves[here] = places + offsets[depth]
        # The links of a level into the one above were found while that one was made unique.
        parents.append(
            up_links[i + 1] + offsets[depth - 1]
            if depth
            else np.full(len(sources[i]), ROOT, dtype=np.int64)
        )
    source = np.concatenate(sources[::-1]) if levels else np.zeros(0, dtype=np.int64)
    ctx = np.concatenate(contexts[::-1]) if levels else np.zeros(0, dtype=np.int64)
    grown = Forest(
        np.concatenate(parents) if levels else source,
        forest.layer[source],
        forest.depth[source],
        longest - ctx // base,
        np.ones(len(source), dtype=np.int64),
        forest.pages[source],
    )
    same = np.zeros(len(source), dtype=bool)
    same[1:] = source[1:] == source[:-1]
    return Growth(grown, leaves, same)


Wave = tuple[int, np.ndarray]
"""A layer and the nodes that one visit of it computes."""


def schedule(forest: Forest) -> list[Wave]:
    """Visits of layers, parents before children, by whichever rule needs fewer visits.

    A row that skipped ahead must wait for the rows behind it, and one that went back must catch up,
    so that they meet again and calls stay large.
    """
    return min(critical_path_first(forest), upward_sweeps(forest), key=len)


def critical_path_first(forest: Forest) -> list[Wave]:
    """Visit the layer where the row with the most layers ahead waits: best for aligned segments."""
    ahead = heights(forest)

    def choose(waiting: dict[int, list[np.ndarray]], _: int) -> int:
        return max(waiting, key=lambda layer: max(int(ahead[n].max()) for n in waiting[layer]))

    return list(waves(forest, choose))


def upward_sweeps(forest: Forest) -> list[Wave]:
    """Visit the next layer above that anybody waits for, else the lowest: best for odd loops."""

    def choose(waiting: dict[int, list[np.ndarray]], last: int) -> int:
        return min((layer for layer in waiting if layer > last), default=min(waiting))

    return list(waves(forest, choose))


def heights(forest: Forest) -> np.ndarray:
    """[n] nodes on the longest way from each node to a leaf."""
    height = np.zeros(len(forest), dtype=np.int64)
    order = np.argsort(forest.depth, kind="stable")
    bounds = np.searchsorted(forest.depth[order], np.arange(forest.depth.max(initial=0) + 2))
    for depth in range(len(bounds) - 2, 0, -1):
        nodes = order[bounds[depth] : bounds[depth + 1]]
        np.maximum.at(height, forest.parent[nodes], height[nodes] + 1)
    return height


def waves(
    forest: Forest, choose: Callable[[dict[int, list[np.ndarray]], int], int]
) -> Iterator[Wave]:
    """Visit layers until every node is computed; ``choose`` picks among those waited for."""
    below = np.argsort(forest.parent, kind="stable")
    sorted_parents = forest.parent[below]
    first = np.searchsorted(sorted_parents, np.arange(len(forest)), side="left")
    last = np.searchsorted(sorted_parents, np.arange(len(forest)), side="right")
    waiting: dict[int, list[np.ndarray]] = {}

    def enqueue(nodes: np.ndarray) -> None:
        layers = forest.layer[nodes]
        order = np.argsort(layers, kind="stable")
        present, begins = np.unique(layers[order], return_index=True)
        for layer, part in zip(present.tolist(), np.split(nodes[order], begins[1:]), strict=True):
            waiting.setdefault(layer, []).append(part)

    if len(forest):
        enqueue(np.flatnonzero(forest.parent == ROOT))
    layer = -1
    while waiting:
        layer = choose(waiting, layer)
        nodes = np.concatenate(waiting.pop(layer))
        yield layer, nodes
        counts = last[nodes] - first[nodes]
        ahead = np.repeat(first[nodes] - (np.cumsum(counts) - counts), counts)
        if len(ahead):
            enqueue(below[ahead + np.arange(len(ahead))])


def chunks(counts: np.ndarray, size: int) -> Iterator[tuple[int, int]]:
    """Cut consecutive nodes into spans of about ``size`` tokens."""
    ends = np.cumsum(counts)
    begin = 0
    while begin < len(counts):
        done = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + size, side="right")))
        yield begin, end
        begin = end


def execution_order(
    forest: Forest, filing: np.ndarray, size: int
) -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    """The order in which nodes run, and the calls (layer, first place, end place) in that order.

    Nodes that only file (``filing``, [n]) have calls of their own, before those that read what they
    filed. In a call, nodes with a whole prompt come first, by length; then the nodes with one
    token, by their pages, so that the memory they read lies side by side.
    """
    order: list[np.ndarray] = []
    calls: list[tuple[int, int, int]] = []
    place = 0
    for layer, nodes in schedule(forest):
        single = forest.start[nodes] > 0
        nodes = nodes[np.lexsort((forest.pages[nodes, 0], forest.count[nodes], single))]
        for part in (nodes[filing[nodes]], nodes[~filing[nodes]]):
            for begin, end in chunks(forest.count[part], size):
                calls.append((layer, place + begin, place + end))
            order.append(part)
            place += len(part)
    return np.concatenate(order) if order else np.zeros(0, dtype=np.int64), calls
