import random
from statistics import median

import pytest

from nobs.stats import median_interval


def test_three_values_reach_only_75_percent() -> None:
    interval = median_interval([3.0, 1.0, 2.0])

    assert (interval.low, interval.high, interval.confidence) == (1.0, 3.0, 0.75)


@pytest.mark.parametrize(
    ("count", "low", "high", "confidence"),
    # Table of ranks: Conover, Practical Nonparametric Statistics, binomial(n, 1/2).
    [(6, 1, 6, 0.96875), (9, 2, 8, 0.9609375), (10, 2, 9, 0.978515625), (20, 6, 15, 0.9586105)],
)
def test_ranks_are_those_of_the_binomial_table(
    count: int, low: int, high: int, confidence: float
) -> None:
    interval = median_interval([float(i) for i in range(1, count + 1)])

    assert (low, high) == (interval.low, interval.high)
    assert interval.confidence == pytest.approx(confidence)


def test_one_value_is_never_sure() -> None:
    assert median_interval([1.0]).confidence == 0.0
    assert not median_interval([1.0]).within(0.5, 1.0)


def test_no_values_are_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        median_interval([])


def test_interval_covers_the_true_median_as_often_as_it_says() -> None:
    draw = random.Random(7)
    hits = sum(
        interval.low <= 0.0 <= interval.high
        for interval in (
            median_interval([draw.gauss(0, 1) for _ in range(15)]) for _ in range(4000)
        )
    )

    # 15 values: ranks 4 and 12, coverage 0.9648; three standard errors of 4000 draws are 0.009.
    assert hits / 4000 == pytest.approx(0.9648, abs=0.009)


def test_many_values_stay_cheap_and_narrow() -> None:
    draw = random.Random(1)
    values = [draw.gauss(1.0, 0.05) for _ in range(5000)]
    interval = median_interval(values)

    assert interval.low < median(values) < interval.high
    assert interval.within(0.01, median(values))
