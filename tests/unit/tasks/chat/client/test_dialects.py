"""Answers of servers that speak OpenAI's API in their own way: each means what it means."""

import gzip
import zlib
from typing import Any

import pytest

from nobs.tasks.chat.client.exchange import End
from nobs.tasks.chat.client.figures import record_of
from nobs.tasks.chat.client.record import ChatFailure, TokenCountSource
from nobs.tasks.chat.client.repeats import REPEATED_TEXT
from tests.fakes.exchanges import DONE, FINISH, TOKEN, failure_of, figures_of
from tests.fakes.llm_streams import delta, event, exchange, head

WORDS = ("It ", "rains ", "on ", "the ", "old ", "town ", "again")
NUMBERS: dict[str, Any] = {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16}


def words(*texts: str, name: str = "content") -> list[tuple[float, bytes]]:
    """Return one token every 5 ms."""
    return [(10 + 5 * i, event(delta(**{name: text}))) for i, text in enumerate(texts)]


@pytest.mark.parametrize(
    "last",
    [
        {"choices": [], "usage": NUMBERS},
        {"usage": NUMBERS},
        {"choices": [{"index": 0, "delta": {}, "usage": NUMBERS}]},
        {"choices": [], "x_groq": {"usage": NUMBERS}},
        {"choices": [], "usage": {"input_tokens": 9, "output_tokens": 7}},
        {"choices": [], "usage": {name: str(count) for name, count in NUMBERS.items()}},
        {"choices": [], "usage": {name: float(count) for name, count in NUMBERS.items()}},
    ],
)
def test_usage_counts_wherever_and_however_it_is_written(last: dict[str, Any]) -> None:
    # In the choice: Moonshot; in `x_groq`: Groq; other names: gateways to other APIs.
    figures = figures_of(*words(*WORDS), (50, event(last) + FINISH + DONE))

    assert (figures.output_tokens, figures.input_tokens) == (7, 9)
    assert figures.token_count_source == TokenCountSource.USAGE


def test_zeros_behind_a_count_leave_it() -> None:
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    last = event({"choices": [], "usage": NUMBERS}) + event({"choices": [], "usage": zeros})
    figures = figures_of(*words(*WORDS), (50, FINISH + last + DONE))

    assert (figures.output_tokens, figures.input_tokens) == (7, 9)


@pytest.mark.parametrize(
    "more",
    [
        {"prompt_tokens_details": {"cached_tokens": 8}},
        {"prompt_cache_hit_tokens": 8, "prompt_cache_miss_tokens": 1},
        {"cached_tokens": 8},
    ],
)
def test_cached_tokens_of_the_prompt_are_kept(more: dict[str, Any]) -> None:
    figures = figures_of(*words(*WORDS), (50, FINISH + event({"usage": NUMBERS | more}) + DONE))

    assert figures.cached_tokens == 8


@pytest.mark.parametrize("size", [1, 30])
def test_chunks_that_are_no_tokens_are_not_counted_as_such(size: int) -> None:
    # Proxies that send single characters or whole sentences, and no usage; 4 bytes per token.
    texts = ["abcdefghi "[n % 10] * size for n in range(60)]
    figures = figures_of(*words(*texts), (400, FINISH + DONE))
    true = 59 * size / 4 / figures.generation_time_s
    low, high = figures.tokens_per_sec_least, figures.tokens_per_sec_most

    assert figures.tokens_per_sec is None
    assert "no count was sent" in figures.count_conflict
    assert low is not None
    assert high is not None
    assert low < true < high


@pytest.mark.parametrize("pause_ms", [0, 20])
@pytest.mark.parametrize("count", [(), (event({"choices": [], "usage": NUMBERS}),)])
def test_a_message_that_comes_whole_again_is_no_token(
    count: tuple[bytes, ...], pause_ms: int
) -> None:
    # https://github.com/infiniflow/ragflow/pull/15443
    whole = event(delta(content="".join(WORDS), finish="stop"))
    figures = figures_of(*words(*WORDS), (40 + pause_ms, whole + b"".join(count) + DONE))

    assert (figures.chunks, figures.output_tokens, figures.output_chars) == (7, 7, 30)
    assert figures.tokens_per_sec == pytest.approx(200)
    assert figures.total_latency_s == pytest.approx(0.04)
    assert figures.unusable == (REPEATED_TEXT,)


@pytest.mark.parametrize("name", ["content", "reasoning_content"])
def test_chunks_that_hold_all_text_so_far_count_what_is_new(name: str) -> None:
    # https://github.com/swuecho/chat/issues/687, https://github.com/spring-projects/spring-ai/pull/6858
    texts = ["".join(WORDS[: i + 1]) for i in range(len(WORDS))]
    last = event({"choices": [], "usage": NUMBERS})
    again = event(delta(**{name: texts[-1]}))
    figures = figures_of(*words(*texts, name=name), (45, again), (50, FINISH + last + DONE))

    assert figures.output_chars + figures.reasoning_chars == 30
    assert figures.tokens_per_sec == pytest.approx(200)
    assert not figures.count_conflict


@pytest.mark.parametrize("texts", [("ha", "ha", "ha"), ("1", "11", "111"), ("ho ",) * 8])
def test_words_that_repeat_themselves_are_tokens(texts: tuple[str, ...]) -> None:
    figures = figures_of(*words(*texts), (90, FINISH + DONE))

    assert figures.chunks == len(texts)
    assert figures.unusable == ()


@pytest.mark.parametrize(
    "value",
    [
        {"choices": [{"index": 0, "text": "It ", "finish_reason": None}]},
        {"choices": [{"index": 0, "message": {"content": "It "}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": None, "message": {"content": "It "}}]},
    ],
)
def test_text_outside_of_a_delta_is_the_answer(value: dict[str, Any]) -> None:
    assert figures_of((10, event(value)), (20, FINISH + DONE)).output_chars == 3


def test_a_message_behind_the_deltas_is_no_token() -> None:
    last = {"choices": [{"message": {"content": "".join(WORDS)}, "finish_reason": "stop"}]}
    figures = figures_of(*words(*WORDS), (60, event(last) + DONE))

    assert (figures.chunks, figures.output_chars) == (7, 30)


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}], "content": ""},
        {"thinking": "hm"},
        {"reasoning_text": "hm"},
        {"reasoning": "hm", "reasoning_details": [{"text": "hm"}], "thinking_signature": "x" * 90},
    ],
)
def test_reasoning_is_read_under_any_of_its_names(fields: dict[str, Any]) -> None:
    figures = figures_of((5, event(delta(**fields))), (10, TOKEN), (15, FINISH + DONE))

    assert (figures.ttft_s, figures.reasoning_chars) == (0.005, 2)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"object": "error", "message": "CUDA out of memory", "code": 500}, "CUDA out of memory"),
        ({"detail": "Model is overloaded"}, "Model is overloaded"),
        ({"type": "error", "error": {"message": "Overloaded"}}, "Overloaded"),
        ({"text": "NETWORK ERROR", "error_code": 50001}, "NETWORK ERROR"),
        ({"choices": [], "error": {"message": "limit reached", "code": 502}}, "limit reached"),
    ],
)
def test_an_error_of_any_shape_ends_an_answer(value: dict[str, Any], said: str) -> None:
    # `object: error` is vLLM's; with [DONE] behind it, five tokens passed for a whole answer.
    given = exchange(*words(*WORDS), (60, event(value) + DONE))

    assert failure_of(given) is ChatFailure.SERVER_ERROR
    assert record_of(given).error == said


@pytest.mark.parametrize("end", [End.CLOSED, End.COMPLETE])
def test_a_reason_with_each_chunk_does_not_hide_a_cut(end: End) -> None:
    each = event(delta(content="a", finish="stop"))

    assert failure_of(exchange((1, each), (2, each), end=end)) is ChatFailure.CUT
    assert record_of(exchange((1, each), (2, each + DONE), end=end)).figures is not None


def test_events_without_blank_lines_are_events_with_their_own_stamps() -> None:
    lines = [(at, data.replace(b"\n\n", b"\n")) for at, data in words(*WORDS)]
    last = (FINISH + DONE).replace(b"\n\n", b"\n")
    figures = figures_of(*lines, (50, last))

    assert figures.chunks == 7
    assert figures.tokens_per_sec == pytest.approx(200)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_stream_that_is_compressed_unasked_is_read(encoding: str) -> None:
    body = b"".join(data for _, data in words(*WORDS)) + FINISH + DONE
    packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    opening = head(f"Content-Encoding: {encoding}")

    assert record_of(exchange((9, packed), opening=opening)).figures is not None
    assert failure_of(exchange((9, packed[5:]), opening=opening)) is ChatFailure.MALFORMED


def test_a_compression_that_nobody_asked_for_is_named() -> None:
    given = exchange((9, b"\x8b\x00"), opening=head("Content-Encoding: br"))

    assert failure_of(given) is ChatFailure.NOT_A_STREAM
    assert "compressed (br)" in record_of(given).error


def test_any_success_of_http_is_one() -> None:
    # Frameworks such as NestJS answer a POST with 201.
    given = exchange((9, TOKEN + FINISH + DONE), opening=head(status="201 Created"))

    assert record_of(given).figures is not None


def test_an_error_page_is_read_without_its_tags() -> None:
    page = b"<html><head><title>502 Bad Gateway</title></head><hr>nginx</html>"
    given = exchange((9, page), opening=head(status="502 Bad Gateway", kind="text/html"))

    assert record_of(given).error == "HTTP 502 Bad Gateway: 502 Bad Gateway nginx"
