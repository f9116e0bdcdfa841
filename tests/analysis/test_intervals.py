"""Intervals against published and independently computed values."""

import numpy as np
import pytest
from scipy import stats

from polar_search.analysis import Estimate, paired_gain, share


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [  # Newcombe (1998), Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_share_has_the_published_wilson_interval(count, n, low, high):
    estimate = share(np.arange(n) < count)
    assert (estimate.count, estimate.n) == (count, n)
    assert estimate.value == count / n
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=5e-5)


def test_nothing_to_estimate():
    nothing = Estimate(None, None, None, 0, 0)
    assert share(np.zeros(0, bool)) == nothing
    assert paired_gain(np.zeros(0, bool), np.zeros(0, bool)) == nothing


def test_gain_counts_examples_gained_minus_lost():
    ours = np.array([1, 1, 1, 0, 0, 1], bool)
    base = np.array([1, 0, 0, 1, 0, 0], bool)
    gain = paired_gain(ours, base)
    assert (gain.count, gain.n, gain.value) == (2, 6, 2 / 6)
    assert paired_gain(base, ours).value == -2 / 6


def test_gain_interval_is_that_of_scipys_paired_bootstrap():
    rng = np.random.default_rng(0)
    base = rng.random(300) < 0.5
    ours = np.where(rng.random(300) < 0.3, rng.random(300) < 0.8, base)
    gain = paired_gain(ours, base)
    reference = stats.bootstrap(
        (ours.astype(float), base.astype(float)),
        lambda x, y, axis: x.mean(axis) - y.mean(axis),
        paired=True,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert (gain.low, gain.high) == pytest.approx((reference.low, reference.high), abs=0.008)


def test_gain_interval_repeats_under_its_seed_and_moves_with_it():
    ours, base = np.arange(1000) % 3 > 0, np.arange(1000) % 2 > 0
    assert paired_gain(ours, base) == paired_gain(ours, base)
    assert paired_gain(ours, base, seed=1) != paired_gain(ours, base, seed=2)


def test_gain_where_all_tie_has_no_interval():
    gain = paired_gain(np.ones(5, bool), np.ones(5, bool))
    assert (gain.value, gain.low, gain.high) == (0.0, None, None)


@pytest.mark.parametrize("n", [1, 3, 4, 20, 1000])
def test_gain_of_every_example_keeps_an_interval(n):
    """Wilson's lower bound of n of n is n / (n + z^2); the rest, at worst, loses."""
    ours, base = np.ones(n, bool), np.zeros(n, bool)
    gain, loss = paired_gain(ours, base), paired_gain(base, ours)
    least = 2 * n / (n + stats.norm.ppf(0.975) ** 2) - 1
    assert (gain.value, gain.low, gain.high) == (1.0, pytest.approx(least), 1.0)
    assert (loss.value, loss.low, loss.high) == (-1.0, -1.0, pytest.approx(-least))
    assert (gain.low > 0) == (n >= 4)
