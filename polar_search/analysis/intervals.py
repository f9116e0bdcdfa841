"""Numbers that carry their sample size and their 95% interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from polar_search.analysis.outcomes import Bools, Floats, Ints

RESAMPLES = 10_000


@dataclass(frozen=True)
class Estimate:
    """A share of examples, or a difference of two shares, as a fraction.

    Attributes:
        value: `count / n`; None without examples.
        low: lower end of the 95% interval; None where the data say nothing about it.
        high: upper end of the 95% interval.
        count: examples that hit; for a difference, those gained minus those lost.
        n: examples considered.
        luck: the same value under permuted answers, averaged over the derangements; None where
            it cannot be had (see `polar_search.analysis.luck`).
    """

    value: float | None
    low: float | None
    high: float | None
    count: int
    n: int
    luck: float | None = None


def share(hits: Bools) -> Estimate:
    """The share of examples (`[n]`) that hit, with its Wilson interval."""
    count, n = int(np.count_nonzero(hits)), len(hits)
    if n == 0:
        return Estimate(None, None, None, 0, 0)
    interval = stats.binomtest(count, n).proportion_ci(confidence_level=0.95, method="wilson")
    return Estimate(count / n, float(interval.low), float(interval.high), count, n)


def paired_gain(ours: Bools, base: Bools, seed: int = 0) -> Estimate:
    """The gain in accuracy over `base` on the same examples (`[n]`), with its interval."""
    difference = ours.astype(np.int64) - base.astype(np.int64)
    return gain_of(np.bincount(difference + 1, minlength=3), seed)


def gain_of(lost_tied_gained: Ints, seed: int = 0) -> Estimate:
    """The gain in accuracy from the numbers of examples lost, tied and gained (`[3]`).

    An example gains, loses or ties, so resampling examples with replacement is one multinomial
    draw of the three counts: the percentile bootstrap itself, without resampling any array.
    Where no example differs in its sign the bootstrap knows no spread, and the interval is None.
    """
    n, count = int(lost_tied_gained.sum()), int(lost_tied_gained[2] - lost_tied_gained[0])
    if n == 0:
        return Estimate(None, None, None, 0, 0)
    if lost_tied_gained.max() == n:
        return Estimate(count / n, None, None, count, n)
    draws = np.random.default_rng(seed).multinomial(n, lost_tied_gained / n, size=RESAMPLES)
    low, high = np.quantile((draws[:, 2] - draws[:, 0]) / n, (0.025, 0.975))
    return Estimate(count / n, float(low), float(high), count, n)


def clustered_share(hits: Ints, trials: Ints) -> Estimate:
    """The share of hits where each cluster (`[n]`) has several trials, such as an example's.

    Trials of one example hit and miss together, so the interval comes from the spread between the
    examples: that of a ratio, linearised, and normal (Cochran, "Sampling Techniques", 1977,
    section 6). Below two clusters, or where all agree, they know no spread, and it is None.
    """
    count, n, clusters = int(hits.sum()), int(trials.sum()), len(trials)
    if n == 0:
        return Estimate(None, None, None, 0, 0)
    value = count / n
    spread = float(((hits - value * trials) ** 2).sum())
    if clusters < 2 or spread == 0:
        return Estimate(value, None, None, count, n)
    half = 1.96 * (spread * clusters / (clusters - 1)) ** 0.5 / n
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), count, n)


def mean_share(shares: Floats) -> Estimate:
    """The mean of a share that each example (`[n]`) has, with its normal interval.

    `count` is the expected number of examples, rounded. Where all agree, the interval is None.
    """
    n = len(shares)
    if n == 0:
        return Estimate(None, None, None, 0, 0)
    value, count = float(shares.mean()), round(float(shares.sum()))
    if n < 2 or np.ptp(shares) == 0:
        return Estimate(value, None, None, count, n)
    half = 1.96 * float(shares.std(ddof=1)) / n**0.5
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), count, n)
