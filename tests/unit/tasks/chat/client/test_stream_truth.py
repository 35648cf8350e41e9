"""Whatever the shape of a stream: the decode rate is the truth, or the report says that it may not
be."""

import os
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nobs.tasks.chat.aggregate import request_of
from nobs.tasks.chat.client.figures import record_of
from nobs.tasks.chat.report import ChatModelReport
from tests.fakes.llm_results import report_of
from tests.fakes.token_streams import WORDS, Shape, stream_of

WITHIN = 0.01
EXAMPLES = 2000 if os.environ.get("NOBS_TEST_LONG") else 200


def report_on(shape: Shape) -> ChatModelReport:
    """The report of a repeat with one answer, as `nobs run` makes it."""
    request = request_of(record_of(stream_of(shape)), 1, 1)
    return report_of([[request.model_dump(mode="json")]])


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    packing = draw(st.sampled_from(["single", "equal", "any", "first-alone", "one-double"]))
    count = draw(st.integers(2, 150))
    size = draw(st.integers(1, 16))
    sizes = {
        "single": [1] * count,
        "equal": [size] * count + [draw(st.integers(1, size))],
        "first-alone": [1] + [size] * count,
        "one-double": [1] * (count - 1) + [2],
    }.get(packing) or draw(st.lists(st.integers(1, size), min_size=2, max_size=60))
    reasoning = draw(st.sampled_from([0, 0, len(sizes) // 3, len(sizes) - 1]))
    hidden = draw(st.sampled_from([0, 0, 0, 3, 40, 400])) if not reasoning else 0
    thinks = reasoning or hidden
    countings = ["folded", "zero"]
    countings += ["chunks"] if sum(sizes) >= 4 * len(sizes) else []
    countings += ["apart", "apart-no-total", "apart-unnamed"] if thinks else []
    # Few hidden tokens among many in each chunk, which nothing names, can't be seen from outside.
    countings += ["silent"] if hidden >= sum(sizes) or max(sizes) == 1 else []
    return Shape(
        sizes=tuple(sizes),
        gap_s=draw(st.sampled_from([0.0005, 0.005, 0.05])),
        ttft_s=draw(st.sampled_from([0.0, 0.05, 2.0])),
        words=draw(st.integers(1, len(WORDS))),
        reasoning=reasoning,
        hidden=hidden,
        usage=draw(st.sampled_from(["last", "finish", "each", "nulls", "none"])),
        counting=draw(st.sampled_from(countings)),
        counts_end=draw(st.booleans()),
        late_finish_s=draw(st.sampled_from([0.0, 0.005])),
        lump_bytes=draw(st.sampled_from([0, 0, 0, 300, 4096, 8192])),
        finish=draw(st.sampled_from(["stop", "length", "eos_token", "MAX_TOKENS", None])),
    )


BROKEN_OFF = st.sampled_from(
    ["abort", "error", "content_filter", "cancelled", "SAFETY", "?", "Stop!"]
)


def is_flagged(report: ChatModelReport) -> bool:
    """Tell whether a reader learns that tokens/s may not be the truth."""
    said = ("tokens/s", "estimated", "in bursts", "in one piece", "Tokens/s")
    return any(word in warning for warning in report.warnings for word in said)


@given(shapes())
@settings(max_examples=EXAMPLES, deadline=None)
@example(Shape(sizes=(1, 1), hidden=3, counting="silent"))
@example(Shape(sizes=(1,) * 64))
@example(Shape(sizes=(4, 4, 2)))
@example(Shape(sizes=(1,) + (4,) * 25))
def test_any_stream_is_right_within_one_percent_or_flagged(shape: Shape) -> None:
    report = report_on(shape)

    assert report.failures == {}
    rate = report.final_median_tokens_per_sec
    assert is_flagged(report) or (rate is not None and abs(rate / shape.rate - 1) < WITHIN)


@given(shapes(), BROKEN_OFF)
@settings(max_examples=EXAMPLES // 4, deadline=None)
def test_an_answer_that_was_broken_off_is_a_failure_whatever_its_shape(
    shape: Shape, reason: str
) -> None:
    report = report_on(replace(shape, finish=reason))

    assert sum(report.failures.values()) == 1
    assert report.final_median_latency_s is None
    assert report.final_median_tokens_per_sec is None


@given(shapes())
@settings(max_examples=EXAMPLES, deadline=None)
@example(Shape(sizes=(4, 4, 4, 4, 4, 1), words=4, hidden=40, counting="silent"))
@example(Shape(sizes=(6, 5), gap_s=0.0005, ttft_s=0.0, words=11, counts_end=True))
def test_the_range_of_a_counted_stream_holds_the_truth(shape: Shape) -> None:
    report = report_on(shape)
    low, high = report.final_median_tokens_per_sec_least, report.final_median_tokens_per_sec_most

    if low is None or high is None or shape.usage == "none" or shape.counting == "chunks":
        return
    if shape.lump_bytes and shape.late_finish_s:
        return  # The last lump was held back until the finish.
    assert low * 0.99 <= shape.rate <= high * 1.01


@pytest.mark.parametrize("tokens", [2, 3, 8, 64, 500, 2000])
@pytest.mark.parametrize("size", [1, 2, 4, 7, 16])
def test_the_decode_rate_is_that_of_the_tokens_after_the_first_arrival(
    tokens: int, size: int
) -> None:
    """64 tokens over 63 gaps of 5 ms are 200 tokens/s, and so are 16 chunks of 4."""
    if tokens <= size:
        sizes = (1,) * tokens
    else:
        whole, rest = divmod(tokens, size)
        sizes = (size,) * whole + ((rest,) if rest else ())
    report = report_on(Shape(sizes=sizes))

    assert report.final_median_tokens_per_sec == pytest.approx(200, rel=0.005)
    assert report.final_median_decode_tokens_per_sec == report.final_median_tokens_per_sec
    assert report.all_runs[0].prompts[0].tpot_s == pytest.approx(0.005, rel=0.005)


LONG = (1,) * 200


@pytest.mark.parametrize(
    "shape",
    [
        Shape(sizes=LONG, reasoning=160, counting="folded"),
        Shape(sizes=LONG, reasoning=160, counting="apart"),
        Shape(sizes=LONG, reasoning=160, counting="apart-no-total"),
        Shape(sizes=LONG, reasoning=160, counting="apart-unnamed"),
        Shape(sizes=LONG, reasoning=160, counting="zero"),
        Shape(sizes=(1,) * 40, hidden=160, counting="folded"),
        Shape(sizes=(1,) * 40, hidden=160, counting="apart"),
        Shape(sizes=LONG, usage="each"),
        Shape(sizes=LONG, usage="nulls"),
        Shape(sizes=(3, 5, 1, 7, 2, 6) * 10, usage="each"),
    ],
)  # fmt: skip
def test_counts_are_brought_together_with_what_came(shape: Shape) -> None:
    """Reasoning counted or not, sent or not: a true 200 tokens/s is neither 40 nor 1,026."""
    assert report_on(shape).final_median_tokens_per_sec == pytest.approx(200, rel=0.005)


@pytest.mark.parametrize(
    "shape",
    [
        # Tokens without a name that never came: five for each chunk of four bytes.
        Shape(sizes=(1,) * 40, hidden=160, counting="silent"),
        Shape(sizes=LONG, reasoning=160, counting="apart-no-name"),
        Shape(sizes=(4,) * 50, counting="one"),
    ],
)
def test_counts_that_can_not_be_of_the_stream_give_a_range_and_no_headline(shape: Shape) -> None:
    usage = {"apart-no-name": 40, "one": 1}.get(shape.counting)
    exchange = stream_of(shape)
    if usage is not None:
        exchange = stream_of(Shape(sizes=shape.sizes, usage="none"))
        bad = b'data: {"choices": [], "usage": {"completion_tokens": %d}}\n\n' % usage
        exchange.chunks[-1] = bad + exchange.chunks[-1]
    request = request_of(record_of(exchange), 1, 1)
    report = report_of([[request.model_dump(mode="json")]])

    assert report.final_median_tokens_per_sec is None
    assert report.unreconciled == 1
    low, high = report.final_median_tokens_per_sec_least, report.final_median_tokens_per_sec_most
    assert low is not None
    assert high is not None
    assert low <= 201
    assert high >= 199
    assert any("contradict their streams" in warning for warning in report.warnings)


@pytest.mark.parametrize("size", [4096, 8192])
def test_a_buffering_proxy_does_not_change_the_rate(size: int) -> None:
    report = report_on(Shape(sizes=(1,) * 100, lump_bytes=size))

    assert report.final_median_tokens_per_sec == pytest.approx(200, rel=0.005)
    assert report.all_runs[0].prompts[0].chunk_gaps is None
    assert report.coalesced == 1
    assert any("arrived in bursts" in warning for warning in report.warnings)


def test_a_count_that_runs_on_over_all_requests_gives_no_headline() -> None:
    answers = []
    for number in range(1, 7):
        exchange = stream_of(Shape(sizes=(1,) * 40, usage="none"))
        bad = b'data: {"choices": [], "usage": {"completion_tokens": %d}}\n\n' % (40 * number)
        exchange.chunks[-1] = bad + exchange.chunks[-1]
        request = request_of(record_of(exchange), number, 1)
        answers.append(request.model_dump(mode="json"))
    report = report_of([answers])

    assert report.final_median_tokens_per_sec is None
    assert report.all_runs[0].median_tokens_per_sec is None
    assert any("contradict" in warning or "accumulate" in warning for warning in report.warnings)
