"""Latency promises: how they are written, and what an answer used of them."""

from dataclasses import replace

import pytest

from nobs.errors import UsageError
from nobs.tasks.chat.client.record import Percentiles
from nobs.tasks.chat.promise import Promise, format_promise, parse_promise
from tests.fakes.llm_records import answered


@pytest.mark.parametrize(
    ("text", "promise"),
    [
        ("ttft=1s", Promise(ttft_s=1.0)),
        ("ttft=1s,tpot=50ms", Promise(ttft_s=1.0, tpot_s=0.05, share=0.95)),
        ("ttft=1s,tpot=50ms@p99", Promise(ttft_s=1.0, tpot_s=0.05, share=0.99)),
        (" itl = .2s , latency=20s @P90", Promise(itl_s=0.2, latency_s=20.0, share=0.9)),
    ],
)
def test_limits_have_a_unit_and_one_percentile(text: str, promise: Promise) -> None:
    assert parse_promise(text) == promise
    assert parse_promise(str(promise)) == promise


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "''"),
        ("ttft", "'ttft'"),
        ("ttft=1s,", "''"),
        ("ttft=1", "ttft=1 without a unit"),
        ("ttft=1m", "the unit 'm'"),
        ("ttft=0ms", "must be above 0"),
        ("ttft=-1s", "'ttft=-1s'"),
        ("ttft=nans", "'ttft=nans'"),
        ("speed=1s", "'speed'"),
        ("ttft=1s,ttft=2s", "ttft twice"),
        ("ttft=1s@p95,tpot=50ms", "'p95,tpot=50ms'"),
        ("ttft=1s@99", "'99'"),
    ],
)
def test_a_promise_that_is_not_clear_is_refused_with_the_part(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_promise(text)

    assert said in caught.value.message
    assert "ttft" in caught.value.remedy


def test_a_promise_is_named_in_words() -> None:
    promise = Promise(ttft_s=1.0, tpot_s=0.05, share=0.99)

    assert format_promise(promise) == "99 % of requests: TTFT up to 1.00 s, TPOT up to 50.0 ms"


def test_an_answer_uses_the_largest_share_of_any_limit() -> None:
    figures = answered(0, 200, 1000).figures
    assert figures is not None
    gaps = Percentiles(median_s=0.1, p95_s=0.1, p99_s=0.3, max_s=0.9)
    known = replace(figures, tpot_s=0.04, itl=gaps)

    assert Promise(ttft_s=0.4, latency_s=4.0).use_of(figures) == 0.5
    assert Promise(tpot_s=0.05, itl_s=0.2).use_of(known) == pytest.approx(1.5)


def test_a_failed_request_breaks_any_promise_and_an_unknown_time_only_what_is_known() -> None:
    figures = answered(0, 200, 1000).figures

    assert Promise(ttft_s=1.0).use_of(None) == float("inf")
    assert Promise(ttft_s=1.0, tpot_s=1.0).use_of(figures) is None
    assert Promise(ttft_s=0.1, tpot_s=1.0).use_of(figures) == 2.0
