"""Endless training batches for the bundled models, free of every string of val and test.

A batch is (input_ids [B, T], labels [B, T]) as the model sees it: `labels[b, t]` is what position t
should answer, or IGNORE. B rows, T tokens.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from polar_search.tasks.arithmetic import LEVELS, Bounds, draw
from polar_search.tasks.groups import ALPHABET, multiply
from polar_search.tasks.splits import BUCKETS, VAL_BUCKET, split_of

IGNORE = -100
WIDE_LEVELS: dict[int, Bounds] = LEVELS | {1: (99, 99), 2: (20, 20, 20)}
Ints = NDArray[np.int64]
Batch = tuple[Ints, Ints]


def _crc_step(byte: int) -> int:
    """One entry of the reflected CRC-32 table (polynomial 0xEDB88320)."""
    for _ in range(8):
        byte = (byte >> 1) ^ (0xEDB88320 if byte & 1 else 0)
    return byte


_CRC_TABLE = np.array([_crc_step(b) for b in range(256)], dtype=np.uint32)
_PRODUCT = np.array([[multiply(g, h) for h in range(36)] for g in range(36)])


def crc_of_prefixes(codes: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """CRC-32 of every prefix of every row of character codes: [B, n] to [B, n]."""
    # zlib's register starts at all ones and is inverted at the end.
    register = np.full(len(codes), 0xFFFFFFFF, dtype=np.uint32)
    prefixes = np.empty(codes.shape, dtype=np.uint32)
    for position in range(codes.shape[1]):
        register = _CRC_TABLE[(register ^ codes[:, position]) & 0xFF] ^ (register >> np.uint32(8))
        prefixes[:, position] = ~register
    return prefixes


class Stream(Protocol):
    """An endless source of batches."""

    def batch(self, rng: np.random.Generator, step: int) -> Batch:
        """The batch of training step `step`, drawn by `rng`."""


@dataclass(frozen=True)
class TrackingStream:
    """Pairs of words of equal length; every position is supervised with the running product."""

    vocabulary: dict[str, int]
    rows: int = 64
    shortest: int = 2
    longest: int = 16
    ramp: int = 2_000

    def batch(self, rng: np.random.Generator, step: int) -> Batch:
        """All words of the batch have one random length; held-out words never appear.

        The longest length grows during the first `ramp` steps.
        """
        grown = min(1.0, step / self.ramp)
        longest = round(self.shortest + 2 + grown * (self.longest - self.shortest - 2))
        length = int(rng.integers(self.shortest, longest + 1))
        words, supervised = self._words(length, rng)
        states = np.empty_like(words)
        states[..., 0] = words[..., 0]
        for t in range(1, length):
            states[..., t] = _PRODUCT[states[..., t - 1], words[..., t]]
        return self._tokens(words, states, supervised)

    def _words(self, length: int, rng: np.random.Generator) -> tuple[Ints, NDArray[np.bool_]]:
        """Words [B, 2, n] of the train split, and which of their prefixes belong to it too."""
        wanted = 2 * self.rows
        # A fifth of all strings is held out, so twice the number leaves enough.
        words = rng.integers(0, 36, size=(2 * wanted, length))
        codes = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)[words]
        in_train = crc_of_prefixes(codes) % BUCKETS < VAL_BUCKET
        kept = np.flatnonzero(in_train[:, -1])[:wanted]
        shape = (self.rows, 2, length)
        return words[kept].reshape(shape), in_train[kept].reshape(shape)

    def _tokens(self, words: Ints, states: Ints, supervised: NDArray[np.bool_]) -> Batch:
        rows, _, length = words.shape
        letters = np.array([self.vocabulary[c] for c in ALPHABET])
        labelled = np.where(supervised, letters[states], IGNORE)

        ids = np.full((rows, 2 * length + 5), self.vocabulary["<bos>"])
        labels = np.full(ids.shape, IGNORE)
        first, second = slice(1, length + 1), slice(length + 2, 2 * length + 2)
        ids[:, first], ids[:, second] = letters[words[:, 0]], letters[words[:, 1]]
        ids[:, length + 1], ids[:, 2 * length + 2] = self.vocabulary["."], self.vocabulary["="]
        ids[:, 2 * length + 3 :] = letters[states[:, :, -1]]
        labels[:, first], labels[:, second] = labelled[:, 0], labelled[:, 1]
        # "=" answers the first word, that answer the second word, and that ends the text.
        labels[:, 2 * length + 2 : 2 * length + 4] = labelled[:, :, -1]
        labels[:, 2 * length + 4] = self.vocabulary["<eos>"]
        return ids, labels


@dataclass(frozen=True)
class ArithmeticStream:
    """Chains of all five levels; only the answer is supervised, held-out chains never appear."""

    vocabulary: dict[str, int]
    rows: int = 128
    wide_steps: int = 0

    def batch(self, rng: np.random.Generator, step: int) -> Batch:
        """A fifth of the rows for each level, padded on the right.

        The first `wide_steps` steps see larger numbers in the short chains than the task has.
        """
        levels = WIDE_LEVELS if step < self.wide_steps else LEVELS
        draws = random.Random(int(rng.integers(2**63)))
        share = self.rows // len(levels)
        chains = [c for bounds in levels.values() for c in self._chains(bounds, share, draws)]
        width = max(len(f"{chain}={answer}") for chain, answer in chains) + 1
        ids = np.full((len(chains), width), self.vocabulary["<pad>"])
        labels = np.full(ids.shape, IGNORE)
        for row, (chain, answer) in enumerate(chains):
            tokens = [self.vocabulary["<bos>"], *(self.vocabulary[c] for c in f"{chain}={answer}")]
            ids[row, : len(tokens)] = tokens
            start = len(chain) + 1
            labels[row, start : len(tokens)] = [*tokens[start + 1 :], self.vocabulary["<eos>"]]
        return ids, labels

    @staticmethod
    def _chains(bounds: Bounds, count: int, rng: random.Random) -> list[tuple[str, int]]:
        """`count` chains within `bounds` with their answers, all of the train split."""
        drawn = (draw(bounds, rng) for _ in itertools.count())
        return list(itertools.islice((d for d in drawn if split_of(d[0]) == "train"), count))
