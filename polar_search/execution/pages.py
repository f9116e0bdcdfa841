"""Key-value memory: pages of fixed size in two preallocated tensors.

A page holds the keys (and values) of a few consecutive tokens of one occurrence. What programs and
texts have in common they share by naming the same pages; a page is written only while one owner
names it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from polar_search.errors import ConfigError

COPY = 64
"""Pages that are copied at one time: few enough for the processor's cache."""


@dataclass(frozen=True)
class KeyValueShape:
    """What one token of one occurrence puts into the cache.

    Attributes:
        heads: Key-value heads.
        key_width: Width of a head's key.
        value_width: Width of a head's value.
        dtype: Of both.
        device: Where the layers run.
    """

    heads: int
    key_width: int
    value_width: int
    dtype: torch.dtype
    device: torch.device

    @property
    def token_bytes(self) -> int:
        """Bytes of one token."""
        return self.heads * (self.key_width + self.value_width) * self.dtype.itemsize


class KeyValueMemory:
    """The tensors behind all pages, allocated once.

    Zeros, since a masked slot still takes part as 0 times its value, and 0 times NaN is NaN.
    """

    def __init__(self, shape: KeyValueShape, budget: int) -> None:
        tokens = budget // shape.token_bytes
        self.shape = shape
        self.keys = zeros(tokens * shape.heads * shape.key_width, shape)
        self.values = zeros(tokens * shape.heads * shape.value_width, shape)
        self.tokens = tokens

    def pages(self, size: int) -> PagePool:
        """The memory cut into pages of ``size`` tokens; earlier cuts are void."""
        count, heads = self.tokens // size, self.shape.heads
        return PagePool(
            self._cut(self.keys, (count, heads, size, self.shape.key_width)),
            self._cut(self.values, (count, heads, size, self.shape.value_width)),
        )

    @staticmethod
    def _cut(memory: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        return memory[: math.prod(shape)].view(shape)


def zeros(count: int, shape: KeyValueShape) -> torch.Tensor:
    """Zeros; on a CPU the memory is not touched before it is used."""
    if shape.device.type != "cpu":
        return torch.zeros(count, dtype=shape.dtype, device=shape.device)
    return torch.from_numpy(np.zeros(count * shape.dtype.itemsize, np.uint8)).view(shape.dtype)


class PagePool:
    """The pages, and which of them are in use.

    Attributes:
        keys: [pages, heads, page_size, key_width]
        values: [pages, heads, page_size, value_width]
        used: [pages] whether somebody names the page.
    """

    def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        self.keys = keys
        self.values = values
        self.page_size = keys.shape[2]
        self.used = np.zeros(len(keys), dtype=bool)

    def __len__(self) -> int:
        return len(self.used)

    @property
    def free(self) -> int:
        """Pages that nobody names."""
        return len(self.used) - int(self.used.sum())

    def take(self, count: int) -> np.ndarray:
        """Page numbers for a new owner, the lowest that are free: neighbours stay neighbours."""
        pages = np.flatnonzero(~self.used)[:count]
        if len(pages) < count:
            raise ConfigError(
                f"expected {count} free pages of key-value memory, received {len(pages)}"
            )
        self.used[pages] = True
        return pages

    def keep_only(self, pages: np.ndarray) -> None:
        """Release every page that is not among ``pages`` (any shape, -1 stands for none)."""
        self.used[:] = False
        self.used[pages[pages >= 0]] = True

    def write_run(self, keys: torch.Tensor, values: torch.Tensor, tables: np.ndarray) -> None:
        """File whole prompts: keys and values [U, H, T, w] into the pages of ``tables`` [U, P]."""
        size, length = self.page_size, keys.shape[2]
        for column, begin in enumerate(range(0, length, size)):
            end = min(begin + size, length)
            into = span(tables[:, column], self.keys.device)
            self.keys[into, :, : end - begin] = keys[:, :, begin:end]
            self.values[into, :, : end - begin] = values[:, :, begin:end]

    def write_tokens(
        self,
        keys: torch.Tensor,
        values: torch.Tensor,
        tables: np.ndarray,
        positions: np.ndarray,
    ) -> None:
        """File one token a node: keys and values [H, U, w] at ``positions`` [U] of the nodes."""
        device = self.keys.device
        column, slot = np.divmod(positions, self.page_size)
        pages = torch.from_numpy(tables[np.arange(len(tables)), column]).to(device)
        slots = torch.from_numpy(slot).to(device)
        self.keys[pages, :, slots] = keys.transpose(0, 1)
        self.values[pages, :, slots] = values.transpose(0, 1)

    def copy(self, source: np.ndarray, target: np.ndarray) -> None:
        """Copy pages ``source`` [n] onto pages ``target`` [n]."""
        for begin in range(0, len(source), COPY):
            of = torch.from_numpy(source[begin : begin + COPY]).to(self.keys.device)
            into = torch.from_numpy(target[begin : begin + COPY]).to(self.keys.device)
            self.keys.index_copy_(0, into, self.keys.index_select(0, of))
            self.values.index_copy_(0, into, self.values.index_select(0, of))

    def clean(self, pages: np.ndarray) -> None:
        """Write zeros over those of ``pages`` (any shape, -1 stands for none) that are free."""
        pages = np.unique(pages[pages >= 0])
        free = torch.from_numpy(pages[~self.used[pages]]).to(self.keys.device)
        self.keys[free] = 0
        self.values[free] = 0


def span(pages: np.ndarray, device: torch.device) -> slice | torch.Tensor:
    """An index for ``pages``: a slice where they stand in even steps, since that is read faster."""
    step = int(pages[1] - pages[0]) if len(pages) > 1 else 1
    if step > 0 and (np.diff(pages) == step).all():
        return slice(int(pages[0]), int(pages[-1]) + 1, step)
    return torch.from_numpy(pages).to(device)
