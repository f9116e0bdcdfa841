"""Which split a string belongs to, decided by the string alone.

A rule instead of a list: a training stream can then leave out every string of val and test without
knowing them, and strings are distinct across splits by construction.
"""

from __future__ import annotations

import zlib
from typing import Literal

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

BUCKETS = 10
VAL_BUCKET = 8
TEST_BUCKET = 9


def split_of_crc(crc: int) -> Split:
    """Split of a string whose CRC-32 is `crc`: eight buckets in ten train, one val, one test."""
    bucket = crc % BUCKETS
    return "test" if bucket == TEST_BUCKET else "val" if bucket == VAL_BUCKET else "train"


def split_of(text: str) -> Split:
    """Split of `text`, the same on every machine and in every process."""
    return split_of_crc(zlib.crc32(text.encode()))
