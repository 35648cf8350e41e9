"""Ratios of medians, their confidence intervals and their significance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from math import exp, hypot, log, sqrt
from statistics import NormalDist, fmean, median, stdev

from nobs.stats import CONFIDENCE, dependence, interval_of_repeats, outliers

MARGIN = 0.01
"""Medians are measured to ±1 %, so smaller ratios never count as a difference."""
BLOCKS = 8
SURE_BLOCK = 3
"""Fewest repeats of a block: shorter ones are as dependent as single repeats."""


class Finding(StrEnum):
    """Significance of a ratio."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "no significant difference"
    UNKNOWN = "too few repeats"


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """Speedup of the other report over the baseline; 1 means equal."""

    value: float
    low: float
    high: float
    confidence: float

    @property
    def finding(self) -> Finding:
        """Return the significance at 95 % confidence."""
        if self.confidence < CONFIDENCE:
            return Finding.UNKNOWN
        if self.low > 1 + MARGIN:
            return Finding.FASTER
        return Finding.SLOWER if self.high < 1 - MARGIN else Finding.SAME

    def widened(self, count: int) -> "Ratio":
        """Return the ratio with its CI Bonferroni-corrected for `count` comparisons.

        On the logarithmic scale both halves grow by the ratio of the normal quantiles.
        """
        return self._scaled(_quantile(count) / _quantile(1))

    def _scaled(self, factor: float) -> "Ratio":
        return replace(
            self,
            low=self.value * (self.low / self.value) ** factor,
            high=self.value * (self.high / self.value) ** factor,
        )


def ratio_of_means(before: Sequence[float], after: Sequence[float], confidence: float) -> Ratio:
    """Return the mean time `before` over that `after`, two parts of one run, with its CI.

    Something that slows only some of the repeats changes their mean and hardly their median.
    Neighbours are alike for a while, so the error follows from the means of BLOCKS successive
    blocks (Schmeiser 1982, Operations Research 30, 556-568); with few repeats, neighbours that
    are alike count as fewer of them, as in `interval_of_repeats`.
    """
    value = fmean(before) / fmean(after)
    reach = hypot(_error_of_mean(before, confidence), _error_of_mean(after, confidence))
    return Ratio(
        value=value, low=value * exp(-reach), high=value * exp(reach), confidence=confidence
    )


def ratio_of_medians(
    baseline: Sequence[float], other: Sequence[float], *, lower_is_better: bool
) -> Ratio:
    """Return the ratio of the medians, above 1 where `other` is better, with its CI.

    The intervals of both medians, by order statistics, are joined on the logarithmic scale by the
    method of variance estimates recovery: Zou and Donner 2008, Statistics in Medicine 27,
    1693-1702. Runs also differ from each other. One run can't show by how much, so run-to-run
    variance is assumed to equal repeat variance. No random numbers: the result is reproducible.
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
    """Return the geometric mean of ratios with its CI; None without any.

    A disturbance of the machine affects all its figures, so errors aren't assumed independent: the
    CI holds for any correlation between them.
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
    """Return low end, centre, high end and confidence of the signed logarithm of the median."""
    found = interval_of_repeats(values)
    low, high = sorted((sign * log(found.low), sign * log(found.high)))
    return low, sign * log(median(values)), high, found.confidence


def _reach_of_runs(values: Sequence[float]) -> float:
    """Return the half-width of the 95 % range of runs on the logarithmic scale.

    It is the standard deviation of the repeats without outliers times Student's quantile, by its
    series in Abramowitz and Stegun 1964, Handbook of Mathematical Functions, 26.7.5.
    """
    strange = set(outliers(values))
    logs = [log(value) for index, value in enumerate(values) if index not in strange]
    free = len(logs) - 1
    if free < 1:
        return 0.0
    return _student(_quantile(1), free) * stdev(logs)


def _error_of_mean(values: Sequence[float], confidence: float) -> float:
    """Return the half width of the CI of the mean as a share of it."""
    has_blocks = len(values) >= BLOCKS * SURE_BLOCK
    parts = _block_means(values) if has_blocks else values
    strength = 0.0 if has_blocks else dependence(values)
    alike = sqrt((1 + strength) / (1 - strength))
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return _student(z, len(parts) - 1) * alike * stdev(parts) / sqrt(len(parts)) / fmean(parts)


def _block_means(values: Sequence[float]) -> list[float]:
    edges = [len(values) * number // BLOCKS for number in range(BLOCKS + 1)]
    return [fmean(values[start:end]) for start, end in pairwise(edges)]


def _student(z: float, free: int) -> float:
    """Return Student's quantile for the normal one."""
    return z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
