"""Statistics against closed forms and against simulation; the seeds are fixed."""

from collections.abc import Iterator
from statistics import NormalDist, median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobs.schema.pins import RepeatPolicy
from nobs.stats import (
    CONFIDENCE,
    dependence,
    drift,
    interval_of_repeats,
    median_interval,
    median_of,
    outliers,
    spread,
    two_modes,
)

RUNS = 2000
NOISES = ("normal", "log-normal", "log-normal, heavy")
times = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=60)


def draws(noise: str, shape: tuple[int, int], sigma: float = 0.02) -> np.ndarray:
    """Times whose true median is 1."""
    normal = np.random.default_rng(20).standard_normal(shape)
    match noise:
        case "normal":
            return 1 + sigma * normal
        case "log-normal":
            return np.exp(sigma * normal)
        case _:
            return np.exp(normal)


def wandering(rho: float, shape: tuple[int, int], sigma: float = 0.02) -> np.ndarray:
    """Times whose true median is 1 and whose noise keeps the share `rho` from one to the next."""
    steps = np.random.default_rng(21).standard_normal(shape)
    noise = steps.copy()
    for now in range(1, shape[1]):
        noise[:, now] = rho * noise[:, now - 1] + np.sqrt(1 - rho**2) * steps[:, now]
    return np.exp(sigma * noise)


def covers(values: list[float]) -> bool:
    interval = interval_of_repeats(values)
    return interval.low <= 1.0 <= interval.high


def test_three_values_reach_only_75_percent() -> None:
    interval = median_interval([3.0, 1.0, 2.0])

    assert (interval.low, interval.high, interval.confidence) == (1.0, 3.0, 0.75)
    assert interval.method == "range of the repeats"


@pytest.mark.parametrize(("count", "confidence"), [(2, 0.5), (3, 0.75), (4, 0.875), (5, 0.9375)])
def test_few_values_give_their_range_and_its_coverage(count: int, confidence: float) -> None:
    interval = median_interval([float(i) for i in range(count)])

    assert (interval.low, interval.high, interval.confidence) == (0.0, count - 1.0, confidence)


@pytest.mark.parametrize(
    ("count", "rank", "coverage", "next_coverage"),
    # Table of ranks: Conover, Practical Nonparametric Statistics, binomial(n, 1/2).
    [(6, 1, 0.96875, 0.78125), (9, 2, 0.9609375, 0.8203125), (10, 2, 0.978515625, 0.890625),
     (20, 6, 0.9586105, 0.8846817)],
)  # fmt: skip
def test_interval_lies_between_the_ranks_of_the_binomial_table(
    count: int, rank: int, coverage: float, next_coverage: float
) -> None:
    interval = median_interval([float(i) for i in range(1, count + 1)])
    excess = (coverage - 0.95) / (coverage - next_coverage)
    share = (count - rank) * excess / (rank + (count - 2 * rank) * excess)

    assert interval.confidence == 0.95
    assert interval.low == pytest.approx(rank + share)
    assert interval.high == pytest.approx(count + 1 - rank - share)


def test_confidence_of_a_pair_of_ranks_gives_that_pair() -> None:
    interval = median_interval([float(i) for i in range(1, 16)], 0.96484375)

    assert (interval.low, interval.high) == (4.0, 12.0)


def test_one_value_is_never_sure() -> None:
    assert median_interval([1.0]).confidence == 0.0
    assert not median_interval([1.0]).within(0.5, 1.0)


def test_no_values_are_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        median_interval([])


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize(
    "count",
    [8, 11, 40, *(pytest.param(count, marks=pytest.mark.long) for count in (9, 10, 13, 16, 21))],
)
def test_interval_covers_the_true_median_in_95_of_100_runs(noise: str, count: int) -> None:
    hits = sum(map(covers, draws(noise, (RUNS, count)).tolist()))

    assert 0.93 <= hits / RUNS <= 0.97


def stopped(values: list[float]) -> list[float]:
    """The repeats that the stopping rule keeps, looking after each as the measuring loop does."""
    policy = RepeatPolicy()
    for count in range(policy.min_repeats, len(values)):
        seen = values[:count]
        if interval_of_repeats(seen).within(policy.ci_rel_width, median(seen)):
            return seen
    return values


@pytest.mark.parametrize("noise", ["normal", "log-normal"])
@pytest.mark.parametrize(
    "sigma",
    [0.002, 0.01, *(pytest.param(s, marks=pytest.mark.long) for s in (0.0075, 0.015, 0.02, 0.05))],
)
def test_stopping_at_a_narrow_interval_keeps_90_percent(noise: str, sigma: float) -> None:
    runs = [stopped(values) for values in draws(noise, (RUNS, 40), sigma).tolist()]

    assert sum(map(covers, runs)) / RUNS >= 0.90
    assert min(map(len, runs)) >= 6


@pytest.mark.parametrize(
    ("rho", "count", "least"),
    # Without the widening: 0.88, 0.73, 0.74 and 0.55.
    [(0.3, 30, 0.91), (0.6, 14, 0.80), (0.6, 100, 0.93), (0.8, 100, 0.91)],
)
def test_repeats_that_hang_together_count_for_fewer(rho: float, count: int, least: float) -> None:
    runs = wandering(rho, (RUNS, count)).tolist()

    assert sum(map(covers, runs)) / RUNS >= least


def test_independent_values_seldom_look_dependent() -> None:
    found = [dependence(values) > 0 for values in draws("normal", (RUNS, 20)).tolist()]

    assert 0.02 <= sum(found) / RUNS <= 0.07


@pytest.mark.parametrize("values", [[1.0], [2.0] * 9, [1.0, 2.0] * 5, [1.0, 3.0, 2.0]])
def test_equal_alternating_and_few_values_are_not_dependent(values: list[float]) -> None:
    assert dependence(values) == 0
    assert interval_of_repeats(values) == median_interval(values)


def test_an_interval_of_dependent_repeats_grows_by_their_factor() -> None:
    values = [1.0 + number / 100 for number in range(10)]
    plain, wide = median_interval(values), interval_of_repeats(values)
    factor = (1.9 / 0.1) ** 0.5

    assert dependence(values) == 0.9
    assert wide.low / 1.045 == pytest.approx((plain.low / 1.045) ** factor)
    assert wide.high / 1.045 == pytest.approx((plain.high / 1.045) ** factor)
    assert wide.confidence == plain.confidence
    assert wide.method.endswith("widened for dependent repeats")


@given(times)
def test_dependence_is_a_share_and_its_interval_holds_the_median(values: list[float]) -> None:
    interval = interval_of_repeats(values)

    assert 0 <= dependence(values) <= 0.9
    assert interval.low <= median(values) * (1 + 1e-9)
    assert interval.high >= median(values) * (1 - 1e-9)


@given(times)
def test_interval_holds_the_median_and_lies_in_the_range(values: list[float]) -> None:
    interval = median_interval(values)

    assert min(values) <= interval.low <= interval.high <= max(values)
    assert interval.low <= median(values) * (1 + 1e-9)
    assert interval.high >= median(values) * (1 - 1e-9)
    assert interval.confidence == min(CONFIDENCE, max(0.0, 1 - 2 ** (1 - len(values))))


@given(times, st.floats(1e-3, 1e3))
def test_interval_scales_with_the_unit(values: list[float], unit: float) -> None:
    plain, scaled = median_interval(values), median_interval([unit * v for v in values])

    assert scaled.low == pytest.approx(unit * plain.low)
    assert scaled.high == pytest.approx(unit * plain.high)


@given(times.flatmap(lambda values: st.tuples(st.just(values), st.permutations(values))))
def test_order_does_not_matter_to_interval_and_spread(
    pair: tuple[list[float], list[float]],
) -> None:
    values, shuffled = pair

    assert median_interval(values) == median_interval(shuffled)
    assert spread(values) == spread(shuffled)
    assert two_modes(values) == two_modes(shuffled)


def test_many_values_stay_cheap_and_narrow() -> None:
    values = draws("normal", (1, 5000), 0.05)[0].tolist()
    interval = median_interval(values)

    assert interval.low < median(values) < interval.high
    assert interval.within(0.01, median(values))


def test_spread_is_the_standard_deviation_of_normal_noise() -> None:
    assert spread(draws("normal", (1, 20_000), 0.03)[0].tolist()) == pytest.approx(0.03, rel=0.05)


def test_outliers_are_those_of_the_modified_z_score() -> None:
    # Median 5, MAD 2: 5 + 3.5 * 1.4826 * 2 = 15.378.
    assert outliers([3.0, 4.0, 5.0, 7.0, 5.0, 15.37, 2.0]) == []
    assert outliers([3.0, 4.0, 5.0, 7.0, 5.0, 15.38, 2.0]) == [5]


def test_equal_values_have_no_outliers_spread_drift_or_modes() -> None:
    values = [2.0] * 30

    assert (outliers(values), spread(values), drift(values), two_modes(values)) == ([], 0, 0, None)


@pytest.mark.parametrize("count", [6, 20, 1000])
def test_drift_is_the_change_from_first_to_last(count: int) -> None:
    rising = [1 + 0.1 * i / (count - 1) for i in range(count)]

    assert drift(rising) == pytest.approx(0.1 / 1.05, rel=0.02)
    assert drift(rising[::-1]) == pytest.approx(-0.1 / 1.05, rel=0.02)


def chance_of(found: Iterator[object]) -> float:
    return sum(map(bool, found)) / RUNS


@pytest.mark.parametrize("count", [8, 12, 30])
def test_noise_alone_seldom_looks_like_drift_or_two_modes(count: int) -> None:
    runs = draws("normal", (RUNS, count)).tolist()

    assert chance_of(drift(values) for values in runs) <= 0.02
    assert chance_of(two_modes(values) for values in runs) <= 0.02


def test_a_median_is_that_of_the_known_values() -> None:
    assert median_of([3, None, 1, 2]) == 2
    assert median_of([None]) is None


def test_two_modes_are_found_with_their_centres() -> None:
    noise = draws("normal", (1, 24), 0.005)[0]
    values = np.where(np.arange(24) % 3 == 0, noise + 0.1, noise).tolist()
    low, high = two_modes(values) or (0.0, 0.0)

    assert low == pytest.approx(1.0, abs=0.01)
    assert high == pytest.approx(1.1, abs=0.01)


def test_nominal_normal_quantiles_have_a_symmetric_interval() -> None:
    values = [NormalDist(1, 0.1).inv_cdf((i + 0.5) / 25) for i in range(25)]
    interval = median_interval(values)

    assert interval.high - 1 == pytest.approx(1 - interval.low)
