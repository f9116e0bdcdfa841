"""One call of a layer for tokens of many rows: its cache and its attention.

The tokens of a call stand in one row of the batch, whatever prompts and programs they come from.
All parts of a layer but attention treat tokens one by one; attention comes here, through the model
library's own interface for attention functions. The call object is handed to the layer both as
cache (``update`` files keys and values in the pages) and as mask (`attend` finds it there).

Axes: N tokens, U nodes, T tokens of a node, H heads, G query heads of a key-value head, P pages,
S slots of a page, w width of a head.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polar_search.execution.pages import Pages

GAP = 3
"""Pages between neighbours in a stretch of the pool that is read in place, at most."""

STRETCH = 24
"""Nodes that make such a stretch worth a call of its own."""

NAME = "polar_search"
"""The name under which `attend` is known to the model library."""


@dataclass(frozen=True)
class PromptRun:
    """Consecutive nodes of a call that read prompts of one length.

    Attributes:
        begin: First token of the run in the call.
        nodes: Nodes.
        length: Tokens of each node.
        tables: [nodes, P] their pages.
    """

    begin: int
    nodes: int
    length: int
    tables: np.ndarray

    @property
    def end(self) -> int:
        """First token behind the run."""
        return self.begin + self.nodes * self.length

    def split(self, states: torch.Tensor) -> torch.Tensor:
        """The run's part of [1, H, N, w] as [nodes, H, T, w]."""
        part = states[0, :, self.begin : self.end]
        return part.view(len(part), self.nodes, self.length, -1).transpose(0, 1)


class Filed(Exception):  # noqa: N818 (it ends a layer, and tells of no error)
    """Keys and values are in the pages, and the rest of the layer would be computed in vain."""


@dataclass
class LayerCall:
    """The tokens of one call: first whole prompts of several nodes, then one token a node.

    Attributes:
        pool: Where the keys and values of the layer live.
        prompts: Runs of the nodes that read prompts, shorter prompts first.
        tables: [U, P] pages of each single-token node, in their order; -1 for none.
        positions: [U] of the single tokens.
        window: Tokens that the layer sees at most, itself included; None sees all.
        filing: Whether keys and values are all that is wanted: then the layer is left with `Filed`.
    """

    pool: Pages
    prompts: list[PromptRun]
    tables: np.ndarray
    positions: np.ndarray
    window: int | None
    filing: bool = False

    @property
    def prompt_tokens(self) -> int:
        """Tokens before the single ones."""
        return self.prompts[-1].end if self.prompts else 0

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, *_: object, **__: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """File keys and values, both [1, H, N, w], in the pages, and hand them back."""
        for run in self.prompts:
            self.pool.write_run(run.split(keys), run.split(values), run.tables)
        if len(self.positions):
            single = slice(self.prompt_tokens, None)
            self.pool.write_tokens(
                keys[0, :, single], values[0, :, single], self.tables, self.positions
            )
        return keys, values


def attend(
    module: torch.nn.Module,  # noqa: ARG001
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: LayerCall,
    scaling: float | None = None,
    softcap: float | None = None,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """Attention of one call, in the signature of the model library.

    Args:
        module: The attention module; not used.
        query: [1, H * G, N, w]
        key: [1, H, N, w], already in the pages.
        value: [1, H, N, w]
        attention_mask: The call.
        scaling: Of the scores; the usual one by default.
        softcap: Bound of the scores, where the model has one.

    Returns:
        [1, N, H * G, w] and no attention weights.

    Raises:
        Filed: The call only files keys and values.
    """
    call = attention_mask
    if call.filing:
        raise Filed
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    parts = []
    for run in call.prompts:
        q, k, v = run.split(query), run.split(key), run.split(value)
        out = causal(q, k, v, scale, softcap, call.window)
        parts.append(out.transpose(1, 2).flatten(0, 1))
    if len(call.positions):
        parts.append(attend_pages(call, query[0, :, call.prompt_tokens :], scale, softcap))
    return (parts[0] if len(parts) == 1 else torch.cat(parts))[None], None


def causal(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scale: float,
    softcap: float | None,
    window: int | None,
) -> torch.Tensor:
    """Causal attention, [U, H, T, w]; the fused kernel wherever it can."""
    steps, grouped = query.shape[2], query.shape[1] != key.shape[1]
    windowed = window is not None and window < steps
    if not windowed and not softcap:
        return functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scale, enable_gqa=grouped
        )
    place = torch.arange(steps, device=query.device)
    seen = place <= place[:, None]
    if window is not None:
        seen &= place > place[:, None] - window
    if not softcap:
        return functional.scaled_dot_product_attention(
            query, key, value, attn_mask=seen, scale=scale, enable_gqa=grouped
        )
    if grouped:
        groups = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scores = softcap * torch.tanh(query @ key.transpose(-1, -2) * scale / softcap)
    weights = scores.float().masked_fill(~seen, -torch.inf).softmax(-1)
    return weights.to(value.dtype) @ value


def attend_pages(
    call: LayerCall, query: torch.Tensor, scale: float, softcap: float | None
) -> torch.Tensor:
    """Attention of single tokens over their nodes' pages; [H * G, U, w] in, [U, H * G, w] out."""
    pool = call.pool
    heads, size = pool.keys.shape[1], pool.size
    columns = int(call.positions.max()) // size + 1
    tables = np.maximum(call.tables[:, :columns], 0)
    query = query.transpose(0, 1).reshape(len(tables), heads, -1, query.shape[-1])
    bias = bias_of(call.positions, columns * size, call.window)
    gathered = max(1, gather_bytes(query.device) // (columns * pool.keys[0].nbytes))
    parts = [
        attend_block(pool, tables[a:b], query[a:b], bias[a:b], scale, softcap)
        for a, b in blocks(tables, gathered)
    ]
    return (parts[0] if len(parts) == 1 else torch.cat(parts)).flatten(1, 2)


def blocks(tables: np.ndarray, gathered: int) -> Iterator[tuple[int, int]]:
    """Cut nodes into stretches of neighbouring pages, and what lies between them into blocks."""
    jumps = np.diff(tables[:, 0])
    cuts = np.flatnonzero((jumps <= 0) | (jumps > GAP * tables.shape[1])) + 1
    loose, enough = 0, min(STRETCH, gathered + 1)
    for a, b in pairwise([0, *cuts.tolist(), len(tables)]):
        if b - a >= enough or (b == len(tables) and a == loose):
            for begin in range(loose, a, gathered):
                yield begin, min(begin + gathered, a)
            yield a, b
            loose = b
    for begin in range(loose, len(tables), gathered):
        yield begin, min(begin + gathered, len(tables))


def gather_bytes(device: torch.device) -> int:
    """Bytes of keys that are gathered at one time: on a CPU they should stay in its cache."""
    return 2**19 if device.type == "cpu" else 2**30


def attend_block(
    pool: Pages,
    tables: np.ndarray,
    query: torch.Tensor,
    bias: np.ndarray,
    scale: float,
    softcap: float | None,
) -> torch.Tensor:
    """Attention of a few nodes: pages [U, P], queries [U, H, G, w], bias of slots [U, P * S].

    Where the pages fill a stretch of the pool almost densely, the stretch is read in place, gaps
    included; else the pages are gathered.
    """
    stretch = dense_stretch(tables)
    if stretch is None:
        pages = torch.from_numpy(tables.ravel()).to(query.device)
        keys, values = pool.keys.index_select(0, pages), pool.values.index_select(0, pages)
        return paged(query, keys, values, bias, scale, softcap)
    begin, end = stretch
    keys, values = pool.keys[begin:end], pool.values[begin:end]
    rows = (end - begin) // tables.shape[1]
    if rows == len(tables):
        return paged(query, keys, values, bias, scale, softcap)
    at = (tables[:, 0] - begin) // tables.shape[1]
    places = torch.from_numpy(at).to(query.device)
    spread = np.zeros((rows, bias.shape[1]), dtype=bias.dtype)
    spread[at] = bias
    gapped = query.new_zeros(rows, *query.shape[1:]).index_copy_(0, places, query)
    return paged(gapped, keys, values, spread, scale, softcap).index_select(0, places)


def dense_stretch(tables: np.ndarray) -> tuple[int, int] | None:
    """First and end page of the stretch that the tables [U, P] fill in order, or None.

    At least 70% of the stretch must belong to the nodes: the rest is computed in vain.
    """
    columns = tables.shape[1]
    begin, end = int(tables[0, 0]), int(tables[-1, -1]) + 1
    if (end - begin) * 0.7 > tables.size or (end - begin) % columns:
        return None
    starts = tables[:, 0] - begin
    if (starts % columns).any() or (np.diff(starts) <= 0).any():
        return None
    if columns > 1 and (tables != tables[:, :1] + np.arange(columns)).any():
        return None
    return begin, end


def bias_of(positions: np.ndarray, slots: int, window: int | None) -> np.ndarray:
    """[U, slots] zero where a token at its position sees the slot, minus infinity elsewhere."""
    slot = np.arange(slots)
    seen = slot <= positions[:, None]
    if window is not None:
        seen &= slot > positions[:, None] - window
    return np.where(seen, np.float32(0), np.float32(-np.inf))


def paged(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    bias: np.ndarray,
    scale: float,
    softcap: float | None,
) -> torch.Tensor:
    """Attention of one token a node over its pages.

    Args:
        query: [U, H, G, w]
        keys: [U * P, H, S, w]
        values: [U * P, H, S, w]
        bias: [U, P * S] added to the scores.
        scale: Of the scores.
        softcap: Bound of the scores.

    Returns:
        [U, H, G, w]
    """
    nodes, heads, groups, _ = query.shape
    size, columns = keys.shape[2], len(keys) // nodes
    spread = query[:, None].expand(-1, columns, -1, -1, -1).reshape(-1, groups, query.shape[-1])
    scores = torch.bmm(spread * scale, keys.flatten(0, 1).transpose(1, 2))
    scores = scores.view(nodes, columns, heads, groups, size).transpose(1, 3).transpose(1, 2)
    if softcap:
        scores = (scores / softcap).tanh() * softcap
    added = torch.from_numpy(bias).to(scores.device).view(nodes, 1, 1, columns, size)
    weights = (scores + added).flatten(3).softmax(-1).to(values.dtype)
    weights = weights.view(nodes, heads, groups, columns, size).transpose(1, 2).transpose(1, 3)
    out = torch.bmm(weights.reshape(-1, groups, size), values.flatten(0, 1))
    out = out.view(nodes, columns, heads, groups, -1)
    return out[:, 0] if columns == 1 else out.sum(1)
