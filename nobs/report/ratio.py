"""Ratios of medians with their confidence intervals, and what may be said of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import exp, hypot, log
from statistics import NormalDist, stdev

from nobs.stats import CONFIDENCE, interval_of_repeats, median, outliers

MARGIN = 0.01
"""Repeats go on until a median is known to 1 %: less is never called a difference."""


class Finding(StrEnum):
    """What a ratio with its interval says."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "no significant difference"
    UNKNOWN = "too few repeats to tell"


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """How many times better the other is than the baseline; 1 means equal."""

    value: float
    low: float
    high: float
    confidence: float

    @property
    def finding(self) -> Finding:
        """Return what can be said with 95 % confidence."""
        if self.confidence < CONFIDENCE:
            return Finding.UNKNOWN
        if self.low > 1 + MARGIN:
            return Finding.FASTER
        return Finding.SLOWER if self.high < 1 - MARGIN else Finding.SAME

    def widened(self, count: int) -> "Ratio":
        """Return the ratio with an interval that holds together with those of `count` in all.

        Bonferroni: each may miss in 1 of `count` of the cases only. On the logarithmic scale both
        halves grow as those of normal noise would.
        """
        factor = _quantile(count) / _quantile(1)
        return replace(
            self,
            low=self.value * (self.low / self.value) ** factor,
            high=self.value * (self.high / self.value) ** factor,
        )


def ratio_of_medians(
    baseline: Sequence[float], other: Sequence[float], *, lower_is_better: bool
) -> Ratio:
    """Return how many times better the median of `other` is, with the interval of that ratio.

    The intervals of both medians, by order statistics, are joined on the logarithmic scale by the
    method of variance estimates recovery: Zou and Donner 2008, Statistics in Medicine 27,
    1693-1702. Beside what a run knows of its median, runs differ from each other; one run can't
    tell by how much, so they are taken to differ as much as the repeats within do. No random
    numbers, so the same reports always compare alike.
    """
    sign = -1.0 if lower_is_better else 1.0
    first, second = _log_interval(baseline, sign), _log_interval(other, sign)
    centre = second[1] - first[1]
    runs = hypot(_reach_of_runs(baseline), _reach_of_runs(other))
    return Ratio(
        value=exp(centre),
        low=exp(centre - hypot(second[1] - second[0], first[2] - first[1], runs)),
        high=exp(centre + hypot(second[2] - second[1], first[1] - first[0], runs)),
        confidence=min(first[3], second[3]),
    )


def geometric_mean(ratios: Sequence[Ratio]) -> Ratio | None:
    """Return the geometric mean of ratios with its interval; None without any.

    What disturbs a machine disturbs all that it does, so the errors aren't taken as independent:
    the interval holds however they hang together.
    """
    if not ratios:
        return None
    count = len(ratios)
    centre = sum(log(ratio.value) for ratio in ratios) / count
    below = sum(log(ratio.value / ratio.low) for ratio in ratios) / count
    above = sum(log(ratio.high / ratio.value) for ratio in ratios) / count
    return Ratio(
        value=exp(centre),
        low=exp(centre - below),
        high=exp(centre + above),
        confidence=min(ratio.confidence for ratio in ratios),
    )


def _quantile(count: int) -> float:
    return NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / (2 * count))


def _log_interval(values: Sequence[float], sign: float) -> tuple[float, float, float, float]:
    """Return low end, centre, high end and coverage of the signed logarithm of the median."""
    found = interval_of_repeats(values)
    low, high = sorted((sign * log(found.low), sign * log(found.high)))
    return low, sign * log(median(values)), high, found.confidence


def _reach_of_runs(values: Sequence[float]) -> float:
    """Return how far, as a logarithm, the level of 95 of 100 runs lies from the mean of all.

    The standard deviation is that of the repeats, outliers apart, times Student's quantile, by its
    series in Abramowitz and Stegun 1964, Handbook of Mathematical Functions, 26.7.5.
    """
    strange = set(outliers(values))
    logs = [log(value) for index, value in enumerate(values) if index not in strange]
    free = len(logs) - 1
    if free < 1:
        return 0.0
    z = _quantile(1)
    student = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    return student * stdev(logs)
