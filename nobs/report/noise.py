"""How much the runs of a machine differ from each other, and what that leaves of a difference.

Values are positive; everything is on the logarithmic scale, where a ratio is a difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import atan, cos, exp, hypot, log, pi, sin, sqrt
from statistics import fmean, median, stdev

from nobs.report.ratio import MARGIN, Ratio, ratio_of_medians
from nobs.stats import CONFIDENCE, OUTLIER_SCORE, spread

type Runs = Sequence[Sequence[float]]
"""The repeats of each run of a machine."""

MIN_FREE = 3
"""Fewest degrees of freedom of a standard deviation between runs that is worth more than the
assumption that runs differ as repeats do."""
MIN_FREE_REPEATS = 5
_MANY = 300
"""Degrees of freedom from which the distribution is the normal one."""
_MEDIAN_VARIANCE = pi / 2
"""Variance of a median over that of a mean, for normal noise."""
_SLOW = 0.9
"""Share of the probability of a false alarm that slow machines get: people look for those."""
_POWER = 1.645
"""Quantile of the normal distribution for 19 of 20 cases, one-sided."""
MOST_RUNS = 100
"""More runs aren't practical: quieter machines are."""
_MEDIAN_OF_FEW = 1.3
"""The same for the few machines of a model, between a mean's 1 and the limit above."""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """The standard deviation of runs, and how well it is known."""

    deviation: float
    free: int
    is_measured: bool
    """Whether runs were compared; otherwise they are taken to differ as much as repeats do."""

    def reach(self, runs: float, confidence: float = CONFIDENCE) -> float:
        """Return the half width of the interval of a mean of `runs` runs."""
        return student(self.free, confidence) * self.deviation / sqrt(runs)


def noise_of(machines: Sequence[Runs]) -> Noise | None:
    """Return the noise that machines of one kind share; None if there are too few repeats.

    Between runs if there are enough of them, else that of the repeats, see decision 9.
    """
    logs = [[log(median(run)) for run in runs] for runs in machines]
    between = [stdev(each) ** 2 * (len(each) - 1) for each in logs if len(each) > 1]
    free = sum(len(each) - 1 for each in logs)
    if free >= MIN_FREE:
        return Noise(deviation=sqrt(sum(between) / free), free=free, is_measured=True)
    kept = [_limited(run) for runs in machines for run in runs]
    free = sum(len(run) - 1 for run in kept if len(run) > 1)
    if free < MIN_FREE_REPEATS:
        return None
    squares = sum(stdev(run) ** 2 * (len(run) - 1) for run in kept if len(run) > 1)
    count = fmean(len(run) for run in kept)
    variance = squares / free * (1 + _MEDIAN_VARIANCE / count)
    return Noise(deviation=sqrt(variance), free=free, is_measured=False)


def centre_of(runs: Runs) -> float:
    """Return the mean logarithm of the runs' medians."""
    return fmean(log(median(run)) for run in runs)


def ratio_of_machines(
    one: Runs, other: Runs, noise: tuple[Noise | None, Noise | None], *, lower_is_better: bool
) -> Ratio:
    """Return the ratio of two machines, above 1 where `other` is better, with its CI.

    Of single runs it is the ratio of their medians; of several, Student's interval of the means.
    """
    if len(one) == len(other) == 1 and min(len(one[0]), len(other[0])) > 1:
        return ratio_of_medians(one[0], other[0], lower_is_better=lower_is_better)
    centre = (centre_of(other) - centre_of(one)) * (-1 if lower_is_better else 1)
    if noise[0] is None or noise[1] is None:
        return Ratio(value=exp(centre), low=exp(centre), high=exp(centre), confidence=0.0)
    half = hypot(noise[0].reach(len(one)), noise[1].reach(len(other)))
    return _between(centre - half, centre, centre + half)


def ratio_to_others(
    runs: Runs, others: Sequence[Runs], noise: Noise, *, lower_is_better: bool
) -> Ratio:
    """Return a machine's value over the median of the `others` of its model.

    Its CI is corrected for as many comparisons as there are machines (Bonferroni). It is shorter
    towards the values of the others for a slow machine than for a fast one. Of two others, one of
    which may be the odd one, the median lies halfway, so that all three would look odd: then it is
    the median of all.
    """
    own, rest = centre_of(runs), [centre_of(each) for each in others]
    centre = own - median([own, *rest] if len(rest) == 2 else rest)
    behind, machines = sum(map(len, others)) / _MEDIAN_OF_FEW, len(others) + 1
    slow, fast = (
        hypot(noise.reach(len(runs), confidence), noise.reach(behind, confidence))
        for confidence in (_confidence(machines, _SLOW), _confidence(machines, 1 - _SLOW))
    )
    below, above = (slow, fast) if lower_is_better else (fast, slow)
    return _between(centre - below, centre, centre + above)


def difference_found(noise: Noise, runs: float, machines: int) -> float:
    """Return the share by which one of `machines` must be slower to be named in 19 of 20 cases.

    Each has `runs` runs. The CI must end beyond 1, and in 1 of 20 cases chance moves it by 1.645
    deviations.
    """
    confidence = _confidence(machines, _SLOW)
    behind = runs * (machines - 1) / _MEDIAN_OF_FEW
    half = hypot(noise.reach(runs, confidence), noise.reach(behind, confidence))
    return exp(half * (1 + _POWER / student(noise.free, confidence))) - 1


def runs_needed(noise: Noise, machines: int, share: float) -> int | None:
    """Return how many runs of each machine show a difference of `share`; None above MOST_RUNS."""
    for runs in range(1, MOST_RUNS + 1):
        free = max(noise.free if runs == 1 else MIN_FREE, machines * (runs - 1))
        if difference_found(replace(noise, free=free), runs, machines) <= share:
            return runs
    return None


def _confidence(machines: int, part: float) -> float:
    """Return the two-sided confidence of which one tail is `part` of one machine's false alarms."""
    return 1 - 2 * part * (1 - CONFIDENCE) / machines


def is_odd(ratio: Ratio) -> bool:
    """Return whether a machine differs significantly from the others, and by more than 1 %.

    Unlike in a comparison its whole interval needn't lie beyond 1 %: the noise of runs, which the
    margin stands for there, is measured here, and a slow card should be found in few runs.
    """
    return not ratio.low <= 1 <= ratio.high and abs(ratio.value - 1) > MARGIN


@cache
def student(free: int, confidence: float) -> float:
    """Return the two-sided quantile of Student's distribution, by bisection."""
    low, high, free = 0.0, 1e4, min(free, _MANY)
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _inside(middle, free) < confidence else (low, middle)
    return (low + high) / 2


def _inside(t: float, free: int) -> float:
    """Return the probability of a value between -t and t.

    Source: Abramowitz and Stegun 1964, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """
    angle = atan(t / sqrt(free))
    square = cos(angle) ** 2
    if free % 2 == 0:
        total, term = 0.0, 1.0
        for k in range(free // 2):
            total += term
            term *= square * (2 * k + 1) / (2 * k + 2)
        return sin(angle) * total
    total, term = 0.0, cos(angle)
    for k in range((free - 1) // 2):
        total += term
        term *= square * (2 * k + 2) / (2 * k + 3)
    return 2 / pi * (angle + sin(angle) * total)


def _between(low: float, centre: float, high: float) -> Ratio:
    return Ratio(value=exp(centre), low=exp(low), high=exp(high), confidence=CONFIDENCE)


def _limited(run: Sequence[float]) -> list[float]:
    """Return the logarithms of the repeats, outliers moved to where they begin.

    Without them normal noise would seem too small: of eight repeats some always look strange.
    """
    middle = median(run)
    reach = OUTLIER_SCORE * spread(run) * middle or max(run)
    return [log(max(middle - reach, min(middle + reach, value))) for value in run]
