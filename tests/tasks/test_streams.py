"""The training streams: nothing held out is ever seen or answered, and the labels are right."""

import re
import zlib

import numpy as np
import pytest
from permutations import product
from streams import IGNORE, ArithmeticStream, TrackingStream, crc_of_prefixes
from train import vocabulary

from polar_search.tasks.splits import split_of

WORDS, CHAINS = vocabulary("tracking"), vocabulary("arithmetic")
LETTERS = {i: token for token, i in WORDS.items()}
DIGITS = {i: token for token, i in CHAINS.items()}


def rows(stream, seed, step):
    ids, labels = stream.batch(np.random.default_rng(seed), step)
    assert ids.shape == labels.shape
    return zip(ids.tolist(), labels.tolist(), strict=True)


@pytest.mark.parametrize("seed", range(6))
def test_tracking_sees_and_answers_words_of_the_train_split_only(seed):
    answered = left_out = 0
    for ids, labels in rows(TrackingStream(WORDS), seed, step=400 * seed):
        text = [LETTERS[i] for i in ids]
        joined = "".join(text[1:])
        first, second, answer = re.fullmatch(r"([a-z0-9]+)\.([a-z0-9]+)=(..)", joined).groups()
        assert text[0] == "<bos>"
        assert len(first) == len(second)
        assert split_of(first) == split_of(second) == "train"
        assert answer == product(first) + product(second)
        assert [LETTERS[i] for i in labels[-3:]] == [*answer, "<eos>"]
        for word, start in ((first, 1), (second, len(first) + 2)):
            for length in range(1, len(word) + 1):
                label, prefix = labels[start + length - 1], word[:length]
                if split_of(prefix) == "train":
                    assert LETTERS[label] == product(prefix)
                    answered += 1
                else:
                    assert label == IGNORE
                    left_out += 1
        assert labels[0] == labels[len(first) + 1] == IGNORE
    assert answered > left_out > 0


def test_tracking_grows_its_words_and_reaches_every_length():
    def lengths(step):
        batches = [TrackingStream(WORDS).batch(np.random.default_rng(s), step) for s in range(150)]
        return {(ids.shape[1] - 5) // 2 for ids, _ in batches}

    assert lengths(0) == set(range(2, 5))
    assert lengths(2000) == lengths(4000) == set(range(2, TrackingStream(WORDS).longest + 1))


@pytest.mark.parametrize("seed", range(6))
def test_arithmetic_sees_and_answers_chains_of_the_train_split_only(seed):
    levels = set()
    for ids, labels in rows(ArithmeticStream(CHAINS, wide_steps=3), seed, step=seed):
        text = "".join(DIGITS[i] for i in ids).replace("<pad>", "")
        chain, answer = re.fullmatch(r"<bos>([-+*0-9]+)=(-?\d+)", text).groups()
        assert split_of(chain) == "train"
        assert int(answer) == eval(chain)
        supervised = [(t, DIGITS[label]) for t, label in enumerate(labels) if label != IGNORE]
        # Position len(chain) + 1 holds "=", which is answered by the first character.
        assert [t for t, _ in supervised] == [len(chain) + 1 + i for i in range(len(answer) + 1)]
        assert [label for _, label in supervised] == [*answer, "<eos>"]
        levels.add(len(re.findall(r"[-+*]", chain)))
    assert levels == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("stream", [TrackingStream(WORDS), ArithmeticStream(CHAINS)])
def test_batches_are_decided_by_their_seed(stream):
    def batch(seed):
        return [a.tolist() for a in stream.batch(np.random.default_rng([3, seed]), 100)]

    assert batch(1) == batch(1) != batch(2)


def test_checksums_of_prefixes_are_zlibs():
    codes = np.random.default_rng(0).integers(0, 256, size=(20, 9)).astype(np.uint8)
    found = crc_of_prefixes(codes)
    expected = [[zlib.crc32(row[: n + 1].tobytes()) for n in range(9)] for row in codes]
    assert found.tolist() == expected
