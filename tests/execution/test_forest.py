"""Nodes are shared exactly where prompt, text and path agree, and run after their parents."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polar_search.execution.forest import (
    ROOT,
    Forest,
    chunks,
    critical_path_first,
    execution_order,
    grow,
    plant,
    schedule,
    upward_sweeps,
)

paths_of = st.lists(
    st.lists(st.integers(0, 3), min_size=1, max_size=6).map(tuple), min_size=1, max_size=12
)


def forest_of(paths, tokens=5):
    return Forest.of([plant(paths)], [tokens], 1)


def way(forest, node):
    """The layers from the root to a node."""
    layers = []
    while node != ROOT:
        layers.append(int(forest.layer[node]))
        node = int(forest.parent[node])
    return tuple(reversed(layers))


@given(paths=paths_of)
def test_a_trie_has_one_node_for_every_beginning(paths):
    trie = plant(paths)
    forest, leaves = forest_of(paths)
    beginnings = {path[:n] for path in paths for n in range(1, len(path) + 1)}
    assert {way(forest, n) for n in range(len(forest))} == beginnings
    assert len(trie.parent) == len(beginnings)
    assert [way(forest, leaf) for leaf in leaves.tolist()] == list(paths)


@given(paths=paths_of)
def test_without_sharing_every_path_has_its_own_nodes(paths):
    assert len(plant(paths, share=False).parent) == sum(map(len, paths))


@given(paths=paths_of, data=st.data())
def test_rows_grow_together_while_length_and_label_agree(paths, data):
    forest, leaves = forest_of(paths)
    forest.pages[:] = np.arange(len(forest))[:, None]
    texts = st.lists(
        st.tuples(st.integers(5, 7), st.integers(0, 2)), min_size=len(paths), max_size=len(paths)
    )
    rows = data.draw(texts)
    lengths, labels = (np.array(x, dtype=np.int64) for x in zip(*rows, strict=True))
    growth = grow(forest, leaves, lengths, labels)
    grown = growth.forest
    expected = {
        (path[:n], text)
        for path, text in zip(paths, rows, strict=True)
        for n in range(1, len(path) + 1)
    }
    assert len(grown) == len(expected)
    for path, (length, _), leaf in zip(paths, rows, growth.leaves.tolist(), strict=True):
        assert way(grown, leaf) == path
        assert grown.start[leaf] == length
    origins, counts = np.unique(grown.pages[:, 0], return_counts=True)
    assert growth.forks.sum() == (counts - 1).sum()
    for origin in origins:
        family = np.flatnonzero(grown.pages[:, 0] == origin)
        (keeper,) = family[~growth.forks[family]]
        assert grown.start[keeper] == grown.start[family].max()


@given(paths=paths_of)
def test_schedules_visit_every_node_once_and_after_its_parent(paths):
    forest, _ = forest_of(paths)
    for waves in (critical_path_first(forest), upward_sweeps(forest)):
        when = {}
        for step, (layer, nodes) in enumerate(waves):
            for node in nodes.tolist():
                assert forest.layer[node] == layer
                assert node not in when
                when[node] = step
        assert len(when) == len(forest)
        inner = [n for n in when if forest.parent[n] != ROOT]
        assert all(when[int(forest.parent[n])] < when[n] for n in inner)


def test_segments_that_repeat_together_share_their_visits():
    """Programs of two segments, each run once or twice: two visits a layer are enough for all."""
    one, two = (0, 1), (2, 3)
    paths = [one * a + two * b for a in (1, 2) for b in (1, 2)]
    assert len(schedule(forest_of(paths)[0])) == 8


def test_loops_at_different_places_meet_again():
    """Three loops that end at different layers: one sweep up, and one for the loops."""
    paths = [(0, 1, 0, 1, 2, 3), (0, 1, 2, 1, 2, 3), (0, 1, 2, 3, 2, 3)]
    assert len(schedule(forest_of(paths)[0])) <= 8


@given(paths=paths_of, size=st.integers(1, 40), filed=st.booleans())
def test_the_order_of_execution_is_a_permutation_cut_into_calls_of_one_layer(paths, size, filed):
    forest, leaves = forest_of(paths, tokens=3)
    nodes = len(forest)
    forest, split = forest.with_filing(np.unique(leaves) if filed else leaves[:0])
    filing = np.arange(len(forest)) >= nodes
    order, calls = execution_order(forest, filing, size)
    assert sorted(order.tolist()) == list(range(len(forest)))
    assert [first for _, first, _ in calls] == [0, *(end for _, _, end in calls[:-1])]
    for layer, first, end in calls:
        assert set(forest.layer[order[first:end]].tolist()) == {layer}
        assert len(set(filing[order[first:end]].tolist())) == 1
        assert forest.count[order[first:end]].sum() <= max(size, 3)
    place = np.argsort(order)
    assert (place[nodes:] < place[split]).all()


@given(paths=paths_of)
def test_last_layers_compute_the_token_that_decides_and_file_the_others(paths):
    whole, leaves = forest_of(paths, tokens=3)
    forest, split = whole.with_filing(np.unique(leaves))
    followed = set(whole.parent.tolist())
    asked = [n for n in set(leaves.tolist()) if n not in followed and whole.parent[n] != ROOT]
    assert split.tolist() == sorted(asked)
    assert (forest.start[split] == 2).all()
    assert (forest.count[split] == 1).all()
    new = np.arange(len(whole), len(forest))
    assert (forest.parent[new] == whole.parent[split]).all()
    assert (forest.layer[new] == whole.layer[split]).all()
    assert (forest.start[new] == 0).all()
    assert (forest.count[new] == 2).all()


@pytest.mark.parametrize(
    ("counts", "spans"),
    [([], []), ([9], [(0, 1)]), ([2, 2, 2, 9, 1], [(0, 2), (2, 3), (3, 4), (4, 5)])],
)
def test_chunks_are_full_but_never_too_full(counts, spans):
    assert list(chunks(np.array(counts, dtype=np.int64), 5)) == spans
