"""Repeats that are too few and too uneven: their widened interval is withheld everywhere."""

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobs.render.verdict import describe_verdict
from nobs.report.ratio import Finding, ratio_of_medians
from nobs.report.verdict import judge
from nobs.schema.pins import RepeatPolicy
from nobs.schema.report import FindingKind, Interval
from nobs.schema.result import Sample
from nobs.stats import interval_of_repeats

UNEVEN = [2.0, 3.0, 4.0, 6.0, 9.0, 14.0, 20.0, 30.0, 45.0, 60.0]


@pytest.mark.parametrize(
    "values", [UNEVEN, UNEVEN[::-1], [-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]
)
def test_an_interval_far_beyond_the_repeats_is_withheld(values: list[float]) -> None:
    interval = interval_of_repeats(values)

    assert (interval.low, interval.high) == (min(values), max(values))
    assert interval.confidence == 0
    assert not interval.within(1e6, median(values))
    assert Interval.of_repeats(values) is None


def test_a_wide_interval_near_the_repeats_is_shown() -> None:
    values = [1.0 + number / 50 for number in range(10)]
    interval = Interval.of_repeats(values)

    assert interval is not None
    assert interval.high > max(values)
    assert interval.low < min(values)


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=60))
def test_no_end_is_more_than_twice_as_far_out_as_the_repeats(values: list[float]) -> None:
    interval = interval_of_repeats(values)

    assert min(values) <= 2 * interval.low
    assert interval.high <= 2 * max(values)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"repeats": 10}, "too few and too uneven repeats for a CI, after 10 repeats;"),
        ({"time_budget_s": 200.0}, "for a CI, after 10 repeats in 200 s; raise --time-budget"),
    ],
)
def test_the_verdict_names_the_option_that_was_used(policy: dict[str, float], words: str) -> None:
    samples = [
        Sample(start_s=float(number), duration_s=time, units=1, cpu_time_s=time)
        for number, time in enumerate(UNEVEN)
    ]
    verdict = judge(samples, RepeatPolicy.model_validate(policy))

    assert verdict is not None
    kinds = {finding.kind for finding in verdict.findings}
    assert FindingKind.TOO_FEW_REPEATS in kinds
    assert FindingKind.WIDE_INTERVAL not in kinds
    assert verdict.uncertainty is None
    assert words in describe_verdict(verdict, len(samples))


def test_a_comparison_finds_no_difference() -> None:
    found = ratio_of_medians(UNEVEN, [1.0, 1.1, 1.05] * 3, lower_is_better=True)

    assert (found.confidence, found.finding) == (0.0, Finding.UNKNOWN)
