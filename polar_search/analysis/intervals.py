"""Numbers that carry their sample size and their 95% interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from polar_search.analysis.outcomes import Bools, Floats, Ints

RESAMPLES = 10_000
Z = float(stats.norm.ppf(0.975))


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


@dataclass(frozen=True)
class Mean:
    """A mean of numbers, such as layers.

    Attributes:
        value: the mean; None without numbers.
        low: lower end of the 95% interval of Student's t; None where the data know no spread.
        high: upper end of it.
        n: numbers.
        luck: as in `Estimate`.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    luck: float | None = None

    def scaled(self, by: float) -> Mean:
        """The mean in another unit."""
        value, low, high, luck = (
            None if part is None else by * part
            for part in (self.value, self.low, self.high, self.luck)
        )
        return Mean(value, low, high, self.n, luck)


def mean(numbers: Ints) -> Mean:
    """The mean of `[n]` numbers with its interval."""
    n = len(numbers)
    if n == 0:
        return Mean(None, None, None, 0)
    value = float(numbers.mean())
    spread = float(numbers.std(ddof=1)) if n > 1 else 0.0
    if spread == 0:
        return Mean(value, None, None, n)
    half = float(stats.t.ppf(0.975, n - 1)) * spread / n**0.5
    return Mean(value, value - half, value + half, n)


def share(hits: Bools) -> Estimate:
    """The share of examples (`[n]`) that hit, with its Wilson interval."""
    count, n = int(np.count_nonzero(hits)), len(hits)
    if n == 0:
        return Estimate(None, None, None, 0, 0)
    return Estimate(count / n, *_wilson(count, n), count, n)


def _wilson(count: int, n: int) -> tuple[float, float]:
    interval = stats.binomtest(count, n).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def paired_gain(ours: Bools, base: Bools, seed: int = 0) -> Estimate:
    """The gain in accuracy over `base` on the same examples (`[n]`), with its interval."""
    difference = ours.astype(np.int64) - base.astype(np.int64)
    return gain_of(np.bincount(difference + 1, minlength=3), seed)


def gain_of(lost_tied_gained: Ints, seed: int = 0) -> Estimate:
    """The gain in accuracy from the numbers of examples lost, tied and gained (`[3]`).

    An example gains, loses or ties, so resampling examples with replacement is one multinomial
    draw of the three counts: the percentile bootstrap itself, without resampling any array.
    Where all gain, or all lose, it knows no spread: then at least the Wilson bound of them do, and
    the rest, at worst, the opposite. Where all tie, nothing differed, and the interval is None.
    """
    n, count = int(lost_tied_gained.sum()), int(lost_tied_gained[2] - lost_tied_gained[0])
    if n == 0:
        return Estimate(None, None, None, 0, 0)
    if abs(count) == n:
        least = 2 * _wilson(n, n)[0] - 1
        low, high = (least, 1.0) if count > 0 else (-1.0, -least)
        return Estimate(count / n, low, high, count, n)
    if lost_tied_gained[1] == n:
        return Estimate(0.0, None, None, 0, n)
    draws = np.random.default_rng(seed).multinomial(n, lost_tied_gained / n, size=RESAMPLES)
    low, high = np.quantile((draws[:, 2] - draws[:, 0]) / n, (0.025, 0.975))
    return Estimate(count / n, float(low), float(high), count, n)


def clustered_share(hits: Ints, trials: Ints) -> Estimate:
    """The share of hits where each cluster (`[n]`) has several trials, such as an example's.

    Trials of one example hit and miss together, so the interval comes from the spread between the
    examples: that of a ratio, linearised, and normal (Cochran, "Sampling Techniques", 1977,
    section 6). Below two clusters, or where all agree, they know no spread: then it is Wilson's,
    each cluster taken for a single trial.
    """
    count, n, clusters = int(hits.sum()), int(trials.sum()), len(trials)
    if n == 0:
        return Estimate(None, None, None, 0, 0)
    value = count / n
    spread = float(((hits - value * trials) ** 2).sum())
    if clusters < 2 or spread == 0:
        return Estimate(value, *_wilson_of(value, clusters), count, n)
    half = Z * (spread * clusters / (clusters - 1)) ** 0.5 / n
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), count, n)


def mean_share(shares: Floats) -> Estimate:
    """The mean of a share in [0, 1] that each example (`[n]`) has, with its Wilson interval.

    No share of this mean spreads more than one that is 0 or 1 alone, so the interval errs on the
    wide side, and there is one where all agree. `count` is the expected number, rounded.
    """
    n = len(shares)
    if n == 0:
        return Estimate(None, None, None, 0, 0)
    value, count = float(shares.mean()), round(float(shares.sum()))
    return Estimate(value, *_wilson_of(value, n), count, n)


def _wilson_of(value: float, n: int) -> tuple[float, float]:
    """The Wilson interval of a share that need not be a whole number of n."""
    centre, widen = value + Z**2 / (2 * n), 1 + Z**2 / n
    half = Z * (value * (1 - value) / n + Z**2 / (4 * n**2)) ** 0.5
    return max(0.0, (centre - half) / widen), min(1.0, (centre + half) / widen)
