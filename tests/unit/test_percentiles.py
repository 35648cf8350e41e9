"""Percentiles and shares with their intervals; the seeds are fixed."""

import random

import pytest

from nobs.stats import (
    count_for_percentile,
    independent_count,
    percentile_interval,
    share_interval,
)


@pytest.mark.parametrize(("share", "count"), [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368)])
def test_a_percentile_has_an_interval_only_with_enough_values(share: float, count: int) -> None:
    values = [float(number) for number in range(count)]

    assert count_for_percentile(share) == count
    assert percentile_interval(values, share, count) is not None
    assert percentile_interval(values, share, count - 1) is None


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_the_interval_of_a_percentile_covers_it_in_95_of_100(share: float) -> None:
    rng = random.Random(3)
    covered = 0
    for _ in range(400):
        low, high = percentile_interval(sorted(rng.random() for _ in range(120)), share, 120) or (
            1,
            0,
        )
        covered += low <= share <= high

    assert covered >= 0.93 * 400


def test_fewer_independent_values_widen_the_interval_of_a_percentile() -> None:
    values = [float(number) for number in range(1000)]

    assert percentile_interval(values, 0.95, 1000) == (935.0, 963.0)
    assert percentile_interval(values, 0.95, 100) == (899.0, 999.0)


def test_independent_marks_count_in_full_and_repeated_ones_once() -> None:
    rng = random.Random(1)
    marks = [rng.random() < 0.2 for _ in range(1000)]
    slow = [mark for mark in marks[:100] for _ in range(10)]

    assert independent_count(marks) > 700
    assert 60 <= independent_count(slow) <= 160
    assert independent_count([True] * 10) == 10


def test_the_interval_of_a_share_is_wilsons() -> None:
    low, high = share_interval(0.95, 100)

    assert (low, high) == pytest.approx((0.8882, 0.9785), abs=1e-4)
    assert share_interval(1.0, 73)[0] >= 0.95 > share_interval(1.0, 72)[0]
    assert share_interval(0.0, 10)[0] == 0.0
