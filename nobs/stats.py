"""Statistics of repeated timings: medians and their distribution-free intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class MedianInterval:
    """Two order statistics that cover the median with probability `confidence`."""

    low: float
    high: float
    confidence: float
    """Coverage reached; below 0.95 for fewer than 6 values, 0 for one."""
    method: str = "order statistics"

    def within(self, share: float, centre: float) -> bool:
        """Tell whether both ends are reliably within `share` of `centre`."""
        sure = self.confidence >= CONFIDENCE
        return sure and max(centre - self.low, self.high - centre) <= share * centre


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> MedianInterval:
    """Return the narrowest symmetric order-statistics interval of the median.

    Fewer than 6 values can't reach 95 %: [min, max] covers the median with 1 - 2^(1-n).
    Source: Hahn and Meeker, Statistical Intervals, 5.2.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    rank, coverage = _narrowest_rank(len(ordered), confidence)
    return MedianInterval(low=ordered[rank], high=ordered[-1 - rank], confidence=coverage)


def _narrowest_rank(count: int, confidence: float) -> tuple[int, float]:
    """Return the largest 0-based rank r whose [x[r], x[-1-r]] covers the median, and its coverage.

    Coverage is 1 - 2 * P(Binomial(count, 1/2) <= r); rank 0 is returned where none suffices.
    """
    total = 1 << count
    term = outside = 1
    rank = 0
    while 2 * (rank + 1) < count - 1:
        term = term * (count - rank) // (rank + 1)
        if 1 - 2 * (outside + term) / total < confidence:
            break
        outside += term
        rank += 1
    return rank, max(0.0, 1 - 2 * outside / total)


__all__ = ["CONFIDENCE", "MedianInterval", "median", "median_interval"]
