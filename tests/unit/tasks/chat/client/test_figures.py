import pytest

from nobs.tasks.chat.client.exchange import End, Exchange
from nobs.tasks.chat.client.figures import record_of
from nobs.tasks.chat.client.record import (
    ChatFailure,
    ChatRecord,
    Percentiles,
    TokenCountSource,
)
from nobs.tasks.chat.client.sse import MAX_EVENT_BYTES
from tests.fakes.exchanges import DONE, FINISH, TOKEN, ended, failure_of, figures_of
from tests.fakes.llm_streams import chunked, delta, event, exchange, head, usage


def test_times_follow_from_the_stamps() -> None:
    figures = figures_of(
        (2, event(delta(role="assistant", content=""))),
        (50, event(delta(content="ab"))),
        (60, event(delta(content="c"))),
        (80, event(delta(content="d"))),
        (90, event({**delta(finish="stop"), "usage": usage(3)})),
        (95, DONE),
    )

    assert figures.ttft_s == figures.ttfat_s == pytest.approx(0.050)
    assert figures.total_latency_s == pytest.approx(0.080)
    assert figures.stream_end_s == pytest.approx(0.095)
    assert figures.generation_time_s == pytest.approx(0.030)
    assert figures.tokens_per_sec == pytest.approx(2 / 0.030)
    assert figures.chars_per_sec == pytest.approx(4 / 0.030)
    assert figures.tpot_s == pytest.approx(0.015)
    assert figures.chunk_gaps == Percentiles(median_s=0.015, p95_s=0.020, p99_s=0.020, max_s=0.020)
    assert (figures.input_tokens, figures.output_tokens, figures.output_chars) == (7, 3, 4)
    assert (figures.token_count_source, figures.finish_reason) == (TokenCountSource.USAGE, "stop")


@pytest.mark.parametrize(
    "value",
    [
        delta(role="assistant"),
        delta(role="assistant", content=None),
        delta(content="", reasoning_content="", reasoning=None, tool_calls=[]),
        {"choices": [{"index": 0, "delta": None}]},
        {"choices": [{"index": 0}]},
        {"choices": [], "usage": None},
        {"choices": None},
        {},
    ],
)
def test_a_delta_without_text_is_no_token(value: dict[str, object]) -> None:
    figures = figures_of((1, event(value)), (9, event(delta(content="x"))), (10, DONE))

    assert figures.ttft_s == pytest.approx(0.009)
    assert figures.chunks == 1


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_is_a_first_token_but_no_answer(name: str) -> None:
    counted = usage(2, completion_tokens_details={"reasoning_tokens": 1})
    figures = figures_of(
        (10, event(delta(**{name: "hmm", "content": ""}))),
        (30, event(delta(content="yes", finish="stop"))),
        (31, event({"choices": [], "usage": counted})),
    )

    assert figures.ttft_s == pytest.approx(0.010)
    assert figures.ttfat_s == pytest.approx(0.030)
    assert (figures.output_chars, figures.reasoning_chars) == (3, 3)
    assert figures.reasoning_tokens == 1


def test_reasoning_sent_under_both_names_counts_once() -> None:
    both = event(delta(reasoning="hmm", reasoning_content="hmm"))

    assert figures_of((1, both), (2, event(delta(content="x"))), (3, DONE)).reasoning_chars == 3


def test_a_tool_call_is_a_token_but_no_answer() -> None:
    call = {"index": 0, "function": {"name": "f", "arguments": "{}"}}
    figures = figures_of((5, event(delta(tool_calls=[call], finish="tool_calls"))))

    assert figures.ttft_s == pytest.approx(0.005)
    assert figures.ttfat_s is None


def test_several_tokens_a_chunk_share_its_gap() -> None:
    chunks = [(4.0 * n, event(delta(content="abcd"))) for n in range(1, 6)]
    figures = figures_of(*chunks, (21, event({"choices": [], "usage": usage(20)})), (22, DONE))

    assert figures.chunk_gaps is not None
    assert figures.itl is not None
    assert figures.chunk_gaps.median_s == pytest.approx(0.004)
    assert figures.itl.median_s == figures.tpot_s == pytest.approx(0.001)


def test_a_stall_shows_in_the_tail() -> None:
    stamps = [n * 5.0 + (300 if n > 50 else 0) for n in range(1, 90)]
    figures = figures_of(*((at, event(delta(content="x"))) for at in stamps), (999, DONE))

    assert figures.chunk_gaps is not None
    assert figures.chunk_gaps.median_s == pytest.approx(0.005)
    assert figures.chunk_gaps.p99_s == figures.chunk_gaps.max_s == pytest.approx(0.305)


def test_usage_that_grows_with_each_chunk_counts_once() -> None:
    chunks = [(n, event({**delta(content="x"), "usage": usage(2 * n)})) for n in range(1, 4)]

    assert figures_of(*chunks, (4, DONE)).output_tokens == 6


def test_a_count_of_no_tokens_is_not_believed() -> None:
    last = event({**delta(finish="stop"), "usage": usage(0)})
    figures = figures_of((1, event(delta(content="x"))), (2, event(delta(content="y"))), (3, last))

    assert (figures.output_tokens, figures.token_count_source) == (2, TokenCountSource.CHUNKS)


def test_without_usage_the_count_is_marked_as_an_estimate() -> None:
    reads = ((1, event(delta(content="one two"))), (2, event(delta(content=" three"))), (3, DONE))

    figures = record_of(exchange(*reads)).figures

    assert figures is not None
    assert (figures.output_tokens, figures.token_count_source) == (2, TokenCountSource.CHUNKS)
    assert figures.token_count_source.is_estimate


def test_a_servers_timings_are_kept_and_count_tokens() -> None:
    last = {**delta(finish="stop"), "timings": {"predicted_n": 9, "prompt_ms": 1.5, "x": "y"}}
    figures = figures_of((1, event(delta(content="x"))), (2, event(last)))

    assert figures.server_timings == {"predicted_n": 9, "prompt_ms": 1.5}
    assert (figures.output_tokens, figures.token_count_source) == (9, TokenCountSource.TIMINGS)
    assert not figures.token_count_source.is_estimate


def test_one_chunk_has_no_rate() -> None:
    figures = figures_of((5, event(delta(content="all at once", finish="stop"))))

    assert (figures.tokens_per_sec, figures.tpot_s, figures.chunk_gaps) == (None, None, None)


def test_chunks_of_the_wire_are_not_tokens() -> None:
    opening = head("Transfer-Encoding: chunked")
    body = event(delta(content="a")) + event(delta(content="b", finish="stop"))
    record = record_of(
        exchange((5, chunked(body[:9])), (8, chunked(body[9:]) + b"0\r\n\r\n"), opening=opening)
    )

    assert record.figures is not None
    assert (record.figures.chunks, record.text) == (2, "ab")
    assert record.figures.ttft_s == pytest.approx(0.008)


@pytest.mark.parametrize(
    ("given", "failure"),
    [
        (exchange((1, TOKEN), end=End.CLOSED), ChatFailure.CUT),
        (exchange((1, TOKEN), end=End.COMPLETE), ChatFailure.CUT),
        (exchange((1, TOKEN), end=End.IDLE_TIMEOUT), ChatFailure.IDLE_TIMEOUT),
        (exchange((1, TOKEN + FINISH), end=End.TOTAL_TIMEOUT), ChatFailure.TOTAL_TIMEOUT),
        (exchange((1, TOKEN), end=End.TOO_LARGE), ChatFailure.TOO_LARGE),
        (exchange((1, TOKEN + event({"error": {"message": "out of memory"}}))),
         ChatFailure.SERVER_ERROR),
        (exchange((1, b'event: error\ndata: {"message": "no"}\n\n')), ChatFailure.SERVER_ERROR),
        (exchange((1, FINISH + DONE)), ChatFailure.NO_TOKEN),
        (exchange((1, TOKEN), (2, ended("abort"))), ChatFailure.ABORTED),
        (exchange((1, TOKEN), (2, ended("Cancelled"))), ChatFailure.ABORTED),
        (exchange((1, TOKEN), (2, ended("error"))), ChatFailure.SERVER_ERROR),
        (exchange((1, TOKEN), (2, ended("content_filter"))), ChatFailure.CONTENT_FILTER),
        (exchange((1, TOKEN), (2, ended("SAFETY"))), ChatFailure.CONTENT_FILTER),
        (exchange((1, TOKEN), (2, ended("who knows"))), ChatFailure.UNFINISHED),
        (exchange((1, event({"choices": [{"delta": {"content": "a"}}]}) + DONE)),
         ChatFailure.NO_FINISH),
        (exchange((1, event(delta(refusal="I can't")) + FINISH + DONE)), ChatFailure.REFUSAL),
        (exchange((1, b'data: {"n": ' + b"9" * 5000 + b"}\n\n")), ChatFailure.MALFORMED),
        (exchange((1, b"data: " + b"[" * 99_999 + b"\n\n")), ChatFailure.MALFORMED),
        (exchange((1, b"data: {half\n\n")), ChatFailure.MALFORMED),
        (exchange((1, b"data: [1]\n\n")), ChatFailure.MALFORMED),
        (exchange((1, b"data: \xff\n\n")), ChatFailure.MALFORMED),
        (exchange((1, b"data: " + b"x" * MAX_EVENT_BYTES)), ChatFailure.TOO_LARGE),
        (exchange((1, b"zz\r\n"), opening=head("Transfer-Encoding: chunked")),
         ChatFailure.MALFORMED),
        (exchange((1, b"<html>"), opening=head(kind="text/html")), ChatFailure.NOT_A_STREAM),
        (exchange((1, b'{"choices": []}'), opening=head(kind="application/json")),
         ChatFailure.NOT_A_STREAM),
        (exchange((1, b'{"error": "Unexpected endpoint"}'), opening=head(kind="application/json")),
         ChatFailure.SERVER_ERROR),
        (exchange((1, b"<html>"), opening=head(status="503 Busy", kind="text/html")),
         ChatFailure.HTTP_STATUS),
    ],
)  # fmt: skip
def test_a_failure_is_never_a_latency(given: Exchange, failure: ChatFailure) -> None:
    assert failure_of(given) == failure


@pytest.mark.parametrize("end", [End.COMPLETE, End.CLOSED])
def test_an_answer_is_whole_with_its_finish_reason(end: End) -> None:
    assert record_of(exchange((1, TOKEN), (2, FINISH), end=end)).figures is not None


def test_events_under_another_content_type_are_read() -> None:
    record = record_of(exchange((1, TOKEN + DONE), opening=head(kind="text/plain")))

    assert record.figures is not None


def test_the_servers_own_words_are_in_the_error() -> None:
    body = b'{"error": {"message": "wrong key", "code": 401}}'
    record = record_of(
        exchange((1, body), opening=head(status="401 Unauthorized", kind="application/json"))
    )

    assert (record.status, record.error) == (401, "HTTP 401 Unauthorized: wrong key")


def test_raw_stamps_are_kept_of_failures_too() -> None:
    stamps = record_of(exchange((5, TOKEN), end=End.CLOSED)).stamps

    assert stamps is not None
    assert stamps.read_ns == (1_000_000, 5_000_000)
    assert stamps.read_bytes == (len(head()), len(TOKEN))
    assert stamps.token_ns == (5_000_000,)


def test_a_record_has_either_figures_or_a_failure() -> None:
    with pytest.raises(ValueError, match="either"):
        ChatRecord(stamps=None)
