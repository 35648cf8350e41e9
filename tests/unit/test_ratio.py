import random
from itertools import product

import pytest

from nobs.ratio import Finding, Ratio, geometric_mean, ratio_of_medians

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


@pytest.mark.parametrize("count", [8, 15])
def test_the_interval_covers_the_true_ratio_as_often_as_it_says(count: int) -> None:
    rng = random.Random(count)
    covered = 0
    for _ in range(ROUNDS):
        one, two = ([rng.lognormvariate(mean, 0.05) for _ in range(count)] for mean in (0.0, 0.0))
        found = ratio_of_medians(one, two, lower_is_better=True)
        covered += found.low <= 1 <= found.high

    assert 0.92 <= covered / ROUNDS <= 0.995


def test_the_same_noise_is_hardly_ever_called_a_difference() -> None:
    rng = random.Random(1)
    findings = [
        ratio_of_medians(
            [rng.gauss(1, 0.01) for _ in range(10)],
            [rng.gauss(1, 0.01) for _ in range(10)],
            lower_is_better=True,
        ).finding
        for _ in range(ROUNDS)
    ]

    assert findings.count(Finding.SAME) >= 0.99 * ROUNDS


def test_intervals_widened_for_their_number_hold_together() -> None:
    rng = random.Random(4)
    all_cover = some_fail = 0
    for _ in range(ROUNDS):
        found = [
            ratio_of_medians(
                [rng.lognormvariate(0, 0.05) for _ in range(10)],
                [rng.lognormvariate(0, 0.05) for _ in range(10)],
                lower_is_better=True,
            )
            for _ in range(8)
        ]
        all_cover += all(each.low <= 1 <= each.high for each in (f.widened(8) for f in found))
        some_fail += not all(each.low <= 1 <= each.high for each in found)

    assert all_cover / ROUNDS >= 0.93
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
