"""What counts of yes and no allow to say: intervals, differences, splits, and how many more it takes.  Pure.

Everything is of the standard library: ``NormalDist`` for quantiles, closed forms for the rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

CONFIDENCE: Final = 0.95
POWER: Final = 0.8
LEAST_EXPECTED: Final = 5
"""The normal and the chi-square distribution serve where every count is expected to be at least this."""

_NORMAL: Final = NormalDist()
_SLACK: Final = 1 + 1e-9
"""Two outcomes of the same probability, of which rounding made one the larger."""


@dataclass(frozen=True, slots=True)
class Count:
    """``yes`` of ``of``."""

    yes: int
    of: int

    @property
    def rate(self) -> float | None:
        """The share; None of nothing."""
        return self.yes / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Interval:
    """From ``low`` to ``high``; shares of one, or a difference of two shares."""

    low: float
    high: float


def wilson(count: Count, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a share; of nothing, anything is possible: 0 to 1."""
    if not count.of:
        return Interval(0.0, 1.0)
    z, n = _quantile(confidence), count.of
    share = count.yes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At the ends the formula is exactly 0 or 1, and floating point a little beside it.
    low = 0.0 if count.yes == 0 else max(0.0, middle - reach)
    return Interval(low, 1.0 if count.yes == n else min(1.0, middle + reach))


def newcombe(before: Count, after: Count, confidence: float = CONFIDENCE) -> Interval:
    """Newcombe's hybrid interval (his method 10) of the difference ``after - before``; -1 to 1 of nothing."""
    if not before.of or not after.of:
        return Interval(-1.0, 1.0)
    p, q = before.yes / before.of, after.yes / after.of
    one, two = wilson(before, confidence), wilson(after, confidence)
    low = (q - p) - math.hypot(q - two.low, one.high - p)
    high = (q - p) + math.hypot(two.high - q, p - one.low)
    return Interval(max(-1.0, low), min(1.0, high))


def two_shares(before: Count, after: Count) -> float:
    """The p-value, two-sided, of the z-test (pooled) that two shares are one; 1 where nothing differs."""
    if not before.of or not after.of:
        return 1.0
    pooled = (before.yes + after.yes) / (before.of + after.of)
    error = math.sqrt(pooled * (1 - pooled) * (1 / before.of + 1 / after.of))
    if not error:
        return 1.0
    return math.erfc(abs(after.yes / after.of - before.yes / before.of) / error / math.sqrt(2))


def is_normal(before: Count, after: Count) -> bool:
    """Whether there is enough of both answers on both sides for the z-test to mean what it says."""
    of, yes = before.of + after.of, before.yes + after.yes
    return of > 0 and min(before.of, after.of) * min(yes, of - yes) / of >= LEAST_EXPECTED


def split(counts: Sequence[int], weights: Sequence[float]) -> float:
    """The p-value that counts were dealt by these weights: a sample-ratio check.

    Chi-square where enough is expected everywhere; else the exact binomial test of each against the rest,
    corrected for how many there are (Bonferroni).
    """
    total, weight = sum(counts), sum(weights)
    if not total or len(counts) < 2:  # noqa: PLR2004 - one group cannot be split wrongly
        return 1.0
    shares = [each / weight for each in weights]
    if min(shares) * total >= LEAST_EXPECTED:
        found = sum(
            (count - share * total) ** 2 / (share * total)
            for count, share in zip(counts, shares, strict=True)
        )
        return chi_square_above(found, len(counts) - 1)
    tests = len(counts) if len(counts) > 2 else 1  # noqa: PLR2004 - of two, one says what the other says
    return min(
        1.0,
        tests * min(exact_binomial(count, total, share) for count, share in zip(counts, shares, strict=True)),
    )


def exact_binomial(yes: int, of: int, share: float) -> float:
    """The exact two-sided p-value: of all outcomes, those no likelier than this one."""
    seen = _log_binomial(yes, of, share)
    limit = seen + math.log(_SLACK)
    return min(
        1.0,
        math.fsum(math.exp(each) for k in range(of + 1) if (each := _log_binomial(k, of, share)) <= limit),
    )


def chi_square_above(value: float, freedom: int) -> float:
    """The chance of a chi-square above ``value``: upper incomplete gamma of half of both, in closed form."""
    half = value / 2
    if freedom % 2:
        found = math.erfc(math.sqrt(half))
        terms = (math.exp(_log_power(half, i - 0.5) - half - math.lgamma(i + 0.5)) for i in _halves(freedom))
        return min(1.0, found + math.fsum(terms))
    terms = (math.exp(_log_power(half, i) - half - math.lgamma(i + 1)) for i in range(freedom // 2))
    return min(1.0, math.fsum(terms))


def needed(before: float, after: float, confidence: float = CONFIDENCE, power: float = POWER) -> int | None:
    """How many each of two groups must have to find such a difference with ``power``; None without one.

    Two equal groups, two-sided: the usual formula (Fleiss, without the correction for continuity).
    """
    if before == after:
        return None
    middle = (before + after) / 2
    together = _quantile(confidence) * math.sqrt(2 * middle * (1 - middle))
    apart = _NORMAL.inv_cdf(power) * math.sqrt(before * (1 - before) + after * (1 - after))
    return math.ceil(((together + apart) / (after - before)) ** 2)


def _quantile(confidence: float) -> float:
    return _NORMAL.inv_cdf(0.5 + confidence / 2)


def _halves(freedom: int) -> range:
    return range(1, freedom // 2 + 1)


def _log_power(base: float, power: float) -> float:
    """The logarithm of a power; of zero's, that of nothing."""
    if base:
        return power * math.log(base)
    return 0.0 if power == 0 else -math.inf


def _log_binomial(k: int, of: int, share: float) -> float:
    ways = math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)
    return ways + _log_power(share, k) + _log_power(1 - share, of - k)
