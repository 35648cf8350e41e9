"""Arithmetic on values over time: pairs of seconds and value, in order of time."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

Series = Sequence[tuple[float, float]]


def clip(series: Series, start_s: float, end_s: float) -> list[tuple[float, float]]:
    """Return the part between two moments, with interpolated values at both."""
    if not series:
        return []
    inside = [(time, value) for time, value in series if start_s < time < end_s]
    return [(start_s, value_at(series, start_s)), *inside, (end_s, value_at(series, end_s))]


def value_at(series: Series, time_s: float) -> float:
    """Interpolate linearly; outside of the series its nearest value counts."""
    after = bisect_left(series, time_s, key=lambda pair: pair[0])
    if after in (0, len(series)):
        return series[min(after, len(series) - 1)][1]
    (early, low), (late, high) = series[after - 1], series[after]
    return low + (high - low) * (time_s - early) / (late - early)


def integral(series: Series) -> float:
    """Return the area below the values by the trapezoid rule."""
    return sum((b - a) * (u + v) / 2 for (a, u), (b, v) in pairwise(series))


def slopes(series: Series) -> list[tuple[float, float]]:
    """Return the mean rate of growth between neighbours, at the later one's time."""
    return [(b, (v - u) / (b - a)) for (a, u), (b, v) in pairwise(series) if b > a]
