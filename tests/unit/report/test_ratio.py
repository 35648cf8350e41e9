import random
from itertools import product

import pytest

from nobs.report.ratio import Finding, Ratio, geometric_mean, ratio_of_medians

ROUNDS = 400


def ratio(value: float, low: float, high: float, confidence: float = 0.95) -> Ratio:
    return Ratio(value=value, low=low, high=high, confidence=confidence)


@pytest.mark.parametrize(
    ("found", "finding"),
    [
        (ratio(1.2, 1.1, 1.3), Finding.FASTER),
        (ratio(0.8, 0.7, 0.9), Finding.SLOWER),
        (ratio(1.2, 0.9, 1.4), Finding.SAME),
        (ratio(1.009, 1.005, 1.012), Finding.SAME),
        (ratio(2.0, 1.9, 2.1, 0.75), Finding.UNKNOWN),
    ],
)
def test_only_what_is_sure_and_more_than_the_margin_is_a_difference(
    found: Ratio, finding: Finding
) -> None:
    assert found.finding == finding


def test_times_and_rates_tell_the_same() -> None:
    times = ratio_of_medians([2.0, 2.2, 2.1], [1.0, 1.1, 1.05], lower_is_better=True)
    rates = ratio_of_medians([1 / 2.0, 1 / 2.2, 1 / 2.1], [1.0, 1 / 1.1, 1 / 1.05],
                             lower_is_better=False)  # fmt: skip

    assert times.value == pytest.approx(2.0)
    assert (times.value, times.low, times.high) == pytest.approx(
        (rates.value, rates.low, rates.high)
    )
    assert times.confidence == 0.75


def test_one_repeat_tells_nothing() -> None:
    found = ratio_of_medians([2.0], [1.0], lower_is_better=True)

    assert (found.value, found.confidence, found.finding) == (2.0, 0.0, Finding.UNKNOWN)


def a_run(rng: random.Random, count: int, noise: float) -> list[float]:
    """Repeats whose true median is 1; runs differ as much as repeats."""
    level = rng.gauss(0, noise)
    return [rng.lognormvariate(level, noise) for _ in range(count)]


def compare(rng: random.Random, count: int, noise: float) -> Ratio:
    one, two = a_run(rng, count, noise), a_run(rng, count, noise)
    return ratio_of_medians(one, two, lower_is_better=True)


@pytest.mark.parametrize("count", [8, 15])
def test_the_interval_covers_the_true_ratio_as_often_as_it_says(count: int) -> None:
    rng = random.Random(count)
    found = [compare(rng, count, 0.05) for _ in range(ROUNDS)]

    assert 0.92 <= sum(each.low <= 1 <= each.high for each in found) / ROUNDS <= 0.98


def test_two_runs_of_one_machine_are_seldom_called_different() -> None:
    rng = random.Random(1)
    findings = [compare(rng, 10, 0.03).finding for _ in range(ROUNDS)]

    assert findings.count(Finding.SAME) >= 0.94 * ROUNDS


def test_a_true_difference_of_six_times_the_noise_is_mostly_found() -> None:
    rng = random.Random(2)
    findings = [
        ratio_of_medians(
            a_run(rng, 10, 0.01), [time / 1.06 for time in a_run(rng, 10, 0.01)],
            lower_is_better=True,
        ).finding
        for _ in range(ROUNDS)
    ]  # fmt: skip

    assert findings.count(Finding.FASTER) >= 0.7 * ROUNDS


def test_intervals_widened_for_their_number_hold_together() -> None:
    rng = random.Random(4)
    all_cover = some_fail = 0
    for _ in range(ROUNDS):
        found = [compare(rng, 10, 0.05) for _ in range(8)]
        all_cover += all(each.low <= 1 <= each.high for each in (f.widened(8) for f in found))
        some_fail += not all(each.low <= 1 <= each.high for each in found)

    assert all_cover / ROUNDS >= 0.92
    assert some_fail / ROUNDS > 0.1


def test_a_ratio_alone_is_not_widened() -> None:
    found = ratio(1.2, 1.1, 1.4)

    assert (found.widened(1).low, found.widened(1).high) == pytest.approx((1.1, 1.4))
    assert found.widened(5).low < 1.1
    assert found.widened(5).high > 1.4


def test_the_geometric_mean_is_as_unsure_as_its_parts_which_one_cause_may_move() -> None:
    mean = geometric_mean([ratio(2.0, 1.6, 2.5), ratio(0.5, 0.4, 0.625)])

    assert mean is not None
    assert mean.value == pytest.approx(1.0)
    assert (mean.low, mean.high) == pytest.approx((0.8, 1.25), abs=0.001)
    assert geometric_mean([]) is None


@pytest.mark.parametrize(("one", "two"), list(product(([1e-9], [1e9] * 9), repeat=2)))
def test_extreme_times_have_a_ratio(one: list[float], two: list[float]) -> None:
    assert ratio_of_medians(one, two, lower_is_better=True).value > 0
