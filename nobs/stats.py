"""Statistics of timings: medians and percentiles with CIs, outliers, drift, modes."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from math import ceil, exp, floor, lgamma, log, sqrt
from statistics import median, stdev

CONFIDENCE = 0.95
Z = 1.959964
"""Standard deviations of a normal distribution within which 95 % of it lie, on both sides."""
MAD_TO_SIGMA = 1.4826
"""Median absolute deviation of normal noise times this is its standard deviation."""
OUTLIER_SCORE = 3.5
MAX_TREND_POINTS = 100
MAX_DEPENDENCE = 0.9
"""Upper bound: higher values can't be estimated from few repeats."""
MAX_EXTRAPOLATION = 2.0
"""Largest ratio of an end of a widened interval to the outermost repeat on its side: what is
farther out follows from the widening, not from anything that was measured."""


@dataclass(frozen=True, kw_only=True)
class MedianInterval:
    """A confidence interval of a median."""

    low: float
    high: float
    confidence: float
    """Confidence reached; below 0.95 for fewer than 6 values; 0, as for one value, if there is no
    interval: then the ends are the range of the values."""
    method: str

    def within(self, share: float, centre: float) -> bool:
        """Return whether both ends are within `share` of `centre`, with 95 % confidence."""
        return self.confidence >= CONFIDENCE and self.half_width(centre) <= share

    def half_width(self, centre: float) -> float:
        """Return the longer half of the interval as a share of `centre`."""
        return max(centre - self.low, self.high - centre) / centre


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> MedianInterval:
    """Return the CI of the median at exactly `confidence`, from order statistics.

    Interpolated between neighbouring ranks, so that the coverage doesn't jump with the number of
    values. Fewer than 6 can't reach 95 %: then it is their range, with 1 - 2^(1-n).
    Source: Hettmansperger and Sheather 1986, Statistics & Probability Letters 4, 75-79.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    rank, outer, inner = _bracket(len(ordered), confidence)
    if outer < confidence:
        return MedianInterval(
            low=ordered[0], high=ordered[-1], confidence=outer, method="range of the repeats"
        )
    share = _inward_share(len(ordered), rank + 1, (outer - confidence) / (outer - inner))
    return MedianInterval(
        low=ordered[rank] + share * (ordered[rank + 1] - ordered[rank]),
        high=ordered[-1 - rank] - share * (ordered[-1 - rank] - ordered[-2 - rank]),
        confidence=confidence,
        method="interpolated order statistics",
    )


def interval_of_repeats(values: Sequence[float]) -> MedianInterval:
    """Return the CI of the median, widened if the values are autocorrelated.

    Order statistics assume independence. Autocorrelated repeats, as when something slows the
    machine for a while, are worth fewer independent ones: both halves grow, as ratios, by
    sqrt((1 + r) / (1 - r)), with r the autocorrelation. An interval with an end that is then
    farther out than the outermost value times MAX_EXTRAPOLATION is withheld: confidence 0. So is
    one of values that aren't all positive, which have no ratios.
    Source: Bartlett 1946, Journal of the Royal Statistical Society B 8, 27-41.
    """
    found, strength = median_interval(values), dependence(values)
    if strength == 0 or found.confidence < CONFIDENCE:
        return found
    factor, middle = sqrt((1 + strength) / (1 - strength)), median(values)
    least, most = min(values), max(values)
    if least > 0:
        low, high = (middle * (end / middle) ** factor for end in (found.low, found.high))
        if least <= low * MAX_EXTRAPOLATION and high <= most * MAX_EXTRAPOLATION:
            method = f"{found.method}, widened for dependent repeats"
            return replace(found, low=low, high=high, method=method)
    return MedianInterval(low=least, high=most, confidence=0.0, method="none: too uneven repeats")


def dependence(values: Sequence[float]) -> float:
    """Return the rank autocorrelation at lag one, 0 (if not significant) to 0.9.

    Zero unless von Neumann's ratio of ranks is significant at 5 % (Bartels 1982, Journal of the
    American Statistical Association 77, 40-46); corrected for the bias of few values
    (Marriott and Pope 1954, Biometrika 41, 390-402).
    """
    ordered, count = sorted(values), len(values)
    ranks = [(bisect_left(ordered, value) + bisect_right(ordered, value)) / 2 for value in values]
    squares = sum((rank - count / 2) ** 2 for rank in ranks)
    if squares == 0:
        return 0.0
    steps = sum((after - before) ** 2 for before, after in pairwise(ranks))
    found = 1 - steps / (2 * squares)
    if found <= 1.645 / sqrt(count):
        return 0.0
    return min(MAX_DEPENDENCE, found + (1 + 3 * found) / count)


def _inward_share(count: int, rank: int, excess: float) -> float:
    """Return the weight of the next inner rank after the 1-based `rank`, for `excess` coverage.

    Not linear: the density near the median is approximated by a double exponential.
    """
    return (count - rank) * excess / (rank + (count - 2 * rank) * excess)


def _bracket(count: int, confidence: float) -> tuple[int, float, float]:
    """Return the largest 0-based rank that reaches `confidence`, its coverage and the next one's.

    Where none does, it is rank 0.
    """
    coverages = pairwise([*_coverages(count, confidence), 0.0])
    found = [(rank, outer, inner) for rank, (outer, inner) in enumerate(coverages)]
    reaching = [each for each in found if each[1] >= confidence]
    return reaching[-1] if reaching else found[0]


def _coverages(count: int, confidence: float) -> Iterator[float]:
    """Yield how often [x[r], x[-1-r]] covers the median, r = 0, 1, ... to the first too rarely.

    It is 1 - 2 * P(Binomial(count, 1/2) <= r), in exact integers.
    """
    term = outside = 1
    for rank in range((count + 1) // 2):
        coverage = max(0.0, 1 - 2 * outside / (1 << count))
        yield coverage
        if coverage < confidence:
            return
        term = term * (count - rank) // (rank + 1)
        outside += term


def independent_count(marks: Sequence[bool]) -> float:
    """Return how many independent values would give the mean of `marks` as precisely.

    `marks` are in the order of time. The count is divided by 1 + 2 * (the sum of all
    autocorrelations), estimated as their initial positive sequence.
    Source: Geyer 1992, Statistical Science 7, 473-483.
    """
    count, mean = len(marks), sum(marks) / len(marks) if marks else 0.0
    off = [mark - mean for mark in marks]
    variance = sum(value * value for value in off)
    if not variance:
        return float(count)
    total, lag = 1.0, 1
    while lag + 1 < count // 4:
        pair = sum(map(float.__mul__, off, off[lag:])) + sum(
            map(float.__mul__, off, off[lag + 1 :])
        )
        if pair <= 0:
            break
        total += 2 * pair / variance
        lag += 2
    return count / total


def share_interval(share: float, count: float) -> tuple[float, float]:
    """Return the 95 % CI of a share that `count` independent values have; Wilson's score interval.

    Source: Wilson 1927, Journal of the American Statistical Association 22, 209-212.
    """
    part = Z * Z / count
    middle, half = share + part / 2, Z * sqrt((share * (1 - share) + part / 4) / count)
    low, high = (middle - half) / (1 + part), (middle + half) / (1 + part)
    return max(0.0, low), min(1.0, max(share, high))


def count_for_percentile(share: float) -> int:
    """Return the minimum of independent values for which a percentile has a CI."""
    return ceil(log((1 - CONFIDENCE) / 2) / log(max(share, 1 - share)))


def percentile_interval(
    ordered: Sequence[float], share: float, count: float
) -> tuple[float, float] | None:
    """Return the 95 % CI of a percentile of sorted values that are worth `count` independent ones.

    It is between two of the values; None if `count` is too low for one.
    Source: David and Nagaraja 2003, Order Statistics, 7.1.
    """
    worth = floor(count)
    if worth < count_for_percentile(share):
        return None
    tail, below, low, high = (1 - CONFIDENCE) / 2, 0.0, 0, worth
    for number in range(worth + 1):
        below += _binomial(worth, number, share)
        if below <= tail:
            low = number + 1
        if below >= 1 - tail:
            high = number + 1
            break
    scale = len(ordered) / worth
    return (
        ordered[max(1, floor(low * scale)) - 1],
        ordered[min(len(ordered), ceil(high * scale)) - 1],
    )


def _binomial(count: int, number: int, share: float) -> float:
    """Return the probability of exactly `number` out of `count`."""
    ways = lgamma(count + 1) - lgamma(number + 1) - lgamma(count - number + 1)
    return exp(ways + number * log(share) + (count - number) * log(1 - share))


def median_of(values: Iterable[float | None]) -> float | None:
    """Return the median of the values that are known; None if none is."""
    known = [value for value in values if value is not None]
    return median(known) if known else None


def spread(values: Sequence[float]) -> float:
    """Return the robust standard deviation (MAD) as a share of the median."""
    middle = median(values)
    return MAD_TO_SIGMA * median(abs(value - middle) for value in values) / middle


def outliers(values: Sequence[float]) -> list[int]:
    """Return the indices of values whose modified z-score exceeds 3.5.

    Source: Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers.
    """
    middle = median(values)
    sigma = spread(values) * middle
    return [
        index
        for index, value in enumerate(values)
        if abs(value - middle) > OUTLIER_SCORE * sigma > 0
    ]


def drift(values: Sequence[float]) -> float:
    """Return the change from first to last as a share of the median; 0 if not significant.

    Mann-Kendall test at 1 %, then the Theil-Sen slope. Both compare all pairs, so many values are
    reduced to medians of blocks.
    """
    points = _blocks(values, MAX_TREND_POINTS)
    count = len(points)
    if count < 6:
        return 0.0
    pairs = [(j - i, points[j] - points[i]) for i, j in combinations(range(count), 2)]
    concordance = sum((step > 0) - (step < 0) for _, step in pairs)
    deviation = sqrt(count * (count - 1) * (2 * count + 5) / 18)
    if abs(concordance) - 1 <= 2.576 * deviation:
        return 0.0
    slope = median(step / distance for distance, step in pairs)
    return slope * (count - 1) / median(values)


def _blocks(values: Sequence[float], most: int) -> list[float]:
    size = -(-len(values) // most)
    return [median(values[start : start + size]) for start in range(0, len(values), size)]


def two_modes(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the medians of two clearly separate groups of values, None without such groups.

    Needs 8 values. Split at the widest gap with a fifth of the values, at least 4, on either side;
    Ashman's D must exceed 6, which noise reaches in at most 1 of 100 cases.
    """
    ordered = sorted(values)
    least = max(4, len(ordered) // 5)
    gaps = [
        (ordered[split] - ordered[split - 1], split)
        for split in range(least, len(ordered) - least + 1)
    ]
    if not gaps:
        return None
    _, split = max(gaps)
    low, high = ordered[:split], ordered[split:]
    within = sqrt((stdev(low) ** 2 + stdev(high) ** 2) / 2)
    distance = median(high) - median(low)
    return (median(low), median(high)) if distance > 6 * within > 0 else None
