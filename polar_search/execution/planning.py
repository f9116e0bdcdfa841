"""How much memory an engine takes where nobody says, and into what sizes its work is cut."""

from __future__ import annotations

import gc
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = 64
"""Tokens of a page at most; contexts that are shorter have one page a node."""

SHARE = {"cpu": 0.2, "cuda": 0.5}
"""Share of a CPU's whole memory, or of a GPU's free one, for keys, values and hidden states."""

HIDDEN = 0.2
"""Share of that memory which hidden states take."""


def default_memory(device: torch.device) -> int:
    """Bytes for keys, values and hidden states where the caller does not say."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0] * SHARE["cuda"])
    return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * SHARE["cpu"])


def page_size(tokens: int) -> int:
    """Tokens of a page, so that contexts of ``tokens`` fill their pages."""
    pages = -(-tokens // PAGE)
    return -(-tokens // pages // 4) * 4


def call_tokens(layers: torch.nn.ModuleList, device: torch.device) -> int:
    """Tokens of one layer call: on a CPU as many as keep its widest product in the cache.

    On a GPU, and where weights are loaded for every call, the more the better.
    """
    weights = list(layers.parameters())
    if device.type != "cpu" or any(weight.is_meta for weight in weights):
        return 16_384
    widest = max(max(weight.shape) for weight in weights)
    return max(64, torch.get_num_threads() * 350_000 // widest)


@contextmanager
def without_collection() -> Iterator[None]:
    """Hold the garbage collector while very many objects are made that all stay alive.

    It would go through all of them again and again: 3% of the time of a call of 29,000 rows.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
