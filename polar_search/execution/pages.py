"""Key-value memory: pages of fixed size in two preallocated tensors a device.

A page holds the keys (and values) of a few consecutive tokens of one occurrence. What programs and
texts have in common they share by naming the same pages; a page is written only while one owner
names it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from polar_search.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
    """

    heads: int
    key_width: int
    value_width: int
    dtype: torch.dtype

    @property
    def token_bytes(self) -> int:
        """Bytes of one token."""
        return self.heads * (self.key_width + self.value_width) * self.dtype.itemsize


class KeyValueMemory:
    """The tensors behind all pages, allocated once on every device that has layers.

    Zeros, since a masked slot still takes part as 0 times its value, and 0 times NaN is NaN.

    Args:
        shape: Of a token.
        budget: Bytes on each device.
        devices: Of the layers.
    """

    def __init__(self, shape: KeyValueShape, budget: int, devices: Iterable[torch.device]) -> None:
        self.shape = shape
        self.tokens = tokens = budget // shape.token_bytes
        self.tensors = {
            device: (
                zeros(tokens * shape.heads * shape.key_width, shape.dtype, device),
                zeros(tokens * shape.heads * shape.value_width, shape.dtype, device),
            )
            for device in set(devices)
        }

    def pages(self, size: int) -> PagePool:
        """The memory cut into pages of ``size`` tokens; earlier cuts are void."""
        count, heads, widths = self.tokens // size, self.shape.heads, self.shape
        return PagePool(
            count,
            {
                device: Pages(
                    self._cut(keys, (count, heads, size, widths.key_width)),
                    self._cut(values, (count, heads, size, widths.value_width)),
                )
                for device, (keys, values) in self.tensors.items()
            },
        )

    @staticmethod
    def _cut(memory: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        return memory[: math.prod(shape)].view(shape)


def zeros(count: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Zeros; on a CPU the memory is not touched before it is used."""
    if device.type != "cpu":
        return torch.zeros(count, dtype=dtype, device=device)
    return torch.from_numpy(np.zeros(count * dtype.itemsize, np.uint8)).view(dtype)


class PagePool:
    """Which pages are in use, and where they are.

    A page has its place on every device, so that its number says all: whoever names it uses the
    place on the device of its layer.

    Attributes:
        on: The pages of each device.
        page_size: Tokens of a page.
        page_bytes: Of a page on one device.
        used: [pages] whether somebody names the page.
    """

    def __init__(self, count: int, on: Mapping[torch.device, Pages]) -> None:
        some = next(iter(on.values()))
        self.on = on
        self.page_size = some.size
        self.page_bytes = some.keys[:1].nbytes + some.values[:1].nbytes
        self.used = np.zeros(count, dtype=bool)

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

    def copy(self, source: np.ndarray, target: np.ndarray) -> None:
        """Copy pages ``source`` [n] onto pages ``target`` [n]."""
        for pages in self.on.values():
            pages.copy(source, target)

    def clean(self, pages: np.ndarray) -> None:
        """Write zeros over those of ``pages`` (any shape, -1 stands for none) that are free."""
        pages = np.unique(pages[pages >= 0])
        for place in self.on.values():
            place.clear(pages[~self.used[pages]])


@dataclass(frozen=True)
class Pages:
    """The pages of one device.

    Attributes:
        keys: [pages, heads, page_size, key_width]
        values: [pages, heads, page_size, value_width]
    """

    keys: torch.Tensor
    values: torch.Tensor

    @property
    def size(self) -> int:
        """Tokens of a page."""
        return self.keys.shape[2]

    def write_run(self, keys: torch.Tensor, values: torch.Tensor, tables: np.ndarray) -> None:
        """File whole prompts: keys and values [U, H, T, w] into the pages of ``tables`` [U, P]."""
        size, length = self.size, keys.shape[2]
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
        column, slot = np.divmod(positions, self.size)
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

    def clear(self, pages: np.ndarray) -> None:
        """Write zeros over ``pages`` [n]."""
        free = torch.from_numpy(pages).to(self.keys.device)
        self.keys[free] = 0
        self.values[free] = 0


def span(pages: np.ndarray, device: torch.device) -> slice | torch.Tensor:
    """An index for ``pages``: a slice where they stand in even steps, since that is read faster."""
    step = int(pages[1] - pages[0]) if len(pages) > 1 else 1
    if step > 0 and (np.diff(pages) == step).all():
        return slice(int(pages[0]), int(pages[-1]) + 1, step)
    return torch.from_numpy(pages).to(device)
