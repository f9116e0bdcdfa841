"""Pages are given to one owner, shared by name, and read the same wherever they lie."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from polar_search.errors import ConfigError
from polar_search.execution.attention import LayerCall, attend, blocks
from polar_search.execution.pages import KeyValueMemory, KeyValueShape

SHAPE = KeyValueShape(2, 4, 6, torch.float32)
CPU = torch.device("cpu")


def pool(pages=12, size=3):
    return KeyValueMemory(SHAPE, pages * size * SHAPE.token_bytes, [CPU]).pages(size)


def test_memory_is_what_was_asked_for():
    memory = KeyValueMemory(SHAPE, 10_000, [CPU, CPU])
    [taken] = [keys.nbytes + values.nbytes for keys, values in memory.tensors.values()]
    assert 10_000 - SHAPE.token_bytes < taken <= 10_000


def test_pages_are_taken_once_and_given_back():
    pages = pool()
    first = pages.take(5)
    second = pages.take(7)
    assert sorted([*first, *second]) == list(range(12))
    with pytest.raises(ConfigError, match="expected 1 free pages"):
        pages.take(1)
    pages.keep_only(np.array([[first[0], -1], [second[0], first[0]]]))
    assert pages.free == 10


def test_clean_spares_pages_in_use():
    pages = pool()
    kept = pages.take(2)
    keys = pages.on[CPU].keys
    keys.fill_(torch.nan)
    pages.clean(np.array([[*kept, 5, -1]]))
    assert keys[kept].isnan().all()
    assert not keys[5].any()
    assert keys[6].isnan().all()


def attention_of(order, lengths, window=None, softcap=None, groups=1):
    """Attention of single tokens whose pages lie in the given order in the pool."""
    pages, size = pool(pages=24, size=3).on[CPU], 3
    generator = torch.Generator().manual_seed(0)
    nodes, columns = len(lengths), 2
    tables = np.array(order).reshape(nodes, columns)
    keys = torch.randn(nodes, 2, columns * size, 4, generator=generator)
    values = torch.randn(nodes, 2, columns * size, 6, generator=generator)
    pages.write_run(keys, values, tables)
    query = torch.randn(1, 2 * groups, nodes, 4, generator=generator)
    call = LayerCall(pages, [], tables, np.array(lengths) - 1, window)
    out, _ = attend(None, query, None, None, call, softcap=softcap)
    expected = []
    for node, length in enumerate(lengths):
        low = 0 if window is None else max(0, length - window)
        k = keys[node, :, low:length].repeat_interleave(groups, 0)
        v = values[node, :, low:length].repeat_interleave(groups, 0)
        scores = (query[0, :, node, None] @ k.transpose(1, 2)) / 2
        if softcap:
            scores = softcap * torch.tanh(scores / softcap)
        expected.append((scores.softmax(-1) @ v)[:, 0])
    return out[0], torch.stack(expected)


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("options", [{}, {"window": 2}, {"softcap": 0.5}])
@pytest.mark.parametrize(
    "order",
    [
        range(12),
        [4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17],
        [11, 3, 2, 9, 0, 1, 22, 8, 7, 6, 5, 4],
    ],
    ids=["dense", "gaps", "scattered"],
)
def test_attention_over_pages_is_attention(order, options, groups):
    received, expected = attention_of(list(order), [6, 1, 4, 3, 5, 6], groups=groups, **options)
    assert torch.allclose(received, expected, atol=1e-6)


def test_blocks_cover_all_nodes_in_order():
    rng = np.random.default_rng(0)
    for _ in range(50):
        starts = np.sort(rng.integers(0, 400, rng.integers(1, 200)))
        spans = list(blocks(starts[:, None], int(rng.integers(1, 40))))
        assert [a for a, _ in spans] == [0, *(b for _, b in spans[:-1])]
        assert spans[-1][1] == len(starts)
