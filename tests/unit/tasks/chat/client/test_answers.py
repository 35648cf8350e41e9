"""Answers as servers really send them: other words, empty frames, broken values, lumps."""

import pytest

from nobs.tasks.chat.client.figures import record_of
from nobs.tasks.chat.client.record import TokenCountSource
from tests.fakes.exchanges import DONE, FINISH, TOKEN, ended, figures_of
from tests.fakes.llm_streams import delta, event, exchange


@pytest.mark.parametrize(
    ("reason", "word"),
    [("stop", "stop"), ("eos_token", "stop"), ("STOP", "stop"), ("stop_sequence", "stop"),
     ("length", "length"), ("MAX_TOKENS", "length"), ("tool_calls", "tool_calls"),
     ("function_call", "tool_calls"), ("model_length", "length"), ("end_id", "stop"), (None, None),
     ("", None), ("null", None), ("None", None)],
)  # fmt: skip
def test_other_words_for_a_whole_answer_count_as_one(reason: str | None, word: str | None) -> None:
    record = record_of(exchange((1, TOKEN), (2, event(delta(finish=reason)) + DONE)))

    assert record.figures is not None
    assert record.figures.finish_reason == word


def test_the_servers_own_word_is_in_the_error_of_an_answer_that_is_not_whole() -> None:
    error = record_of(exchange((1, TOKEN), (2, ended("abort")))).error

    assert error == "the answer ended with finish_reason 'abort' after 1 chunks of text"


@pytest.mark.parametrize(
    "frame",
    [b"data:\n\n", b"data: \n\n", b"event: ping\ndata: \n\n", b"event: ping\ndata:\n\n",
     b"id: 7\nretry: 3000\n\n", b": ping\n\n", b"\n\n\n", b"data:\ndata:\n\n", b"data:\t \n\n"],
)  # fmt: skip
def test_frames_without_content_keep_the_connection_alive_and_nothing_else(frame: bytes) -> None:
    figures = figures_of(
        (1, event(delta(content="a"))), (2, frame), (3, event(delta(content="b", finish="stop"))),
        (4, frame), (5, b"data:  [DONE] \n\n"),
    )  # fmt: skip

    assert figures.chunks == 2
    assert figures.generation_time_s == pytest.approx(0.002)


@pytest.mark.parametrize("value", ["Infinity", "-Infinity", "NaN", "1e999", "9" * 400])
def test_values_that_are_no_numbers_are_dropped_and_named(value: str) -> None:
    last = (
        f'{{"choices": [], "usage": {{"prompt_tokens": 7, "completion_tokens": {value}}},'
        f' "timings": {{"predicted_n": {value}, "predicted_per_second": {value}, "prompt_ms": 3}}}}'
    )
    figures = figures_of((1, TOKEN), (2, TOKEN), (3, FINISH + event(last) + DONE))

    assert (figures.output_tokens, figures.token_count_source) == (2, TokenCountSource.CHUNKS)
    assert figures.server_timings == {"prompt_ms": 3}
    names = ("timings.predicted_n", "timings.predicted_per_second", "usage.completion_tokens")
    assert figures.unusable == (names if value != "-Infinity" else names[:2])


def test_halves_of_a_character_come_together_and_lone_ones_are_replaced() -> None:
    halves = [event(delta(content=text)) for text in ("a\ud83d", "\ude00b", "\ud83d!")]
    record = record_of(exchange(*((n, half) for n, half in enumerate(halves, 1)), (9, DONE)))

    assert record.text == "a\U0001f600b\ufffd!"
    assert record.text.encode()


def test_content_in_typed_parts_is_read() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hmm"}]}
    record = record_of(
        exchange(
            (1, event(delta(content=[thought]))),
            (2, event(delta(content=[{"type": "text", "text": "yes"}], finish="stop"))),
        )
    )

    assert record.figures is not None
    assert (record.text, record.figures.reasoning_chars) == ("yes", 3)
    assert record.figures.ttfat_s == pytest.approx(0.002)


def test_the_model_that_answers_is_named() -> None:
    named = event({**delta(content="x"), "model": "gemma-3-1b-it"})

    assert figures_of((1, named), (2, FINISH)).model == "gemma-3-1b-it"
    assert figures_of((1, TOKEN), (2, FINISH)).model is None


@pytest.mark.parametrize(
    ("stamps_ms", "arrivals", "is_coalesced"),
    [
        ([50 + 5 * n for n in range(40)], 40, False),
        # One read in twenty holds two chunks: a client that was late once.
        ([50 + 5 * (n + (n == 20)) for n in range(40)], 39, False),
        ([50 + 5 * (n - n % 2) for n in range(40)], 20, True),
        # A lump that comes in several reads, microseconds apart.
        ([50 + 40 * (n // 8) + 0.02 * (n % 8) for n in range(40)], 5, True),
        # The whole answer at the end of the wait for it.
        ([500 + 0.02 * n for n in range(40)], 1, True),
        # A stall is no lump.
        ([50 + 5 * n + (30_000 if n > 20 else 0) for n in range(40)], 40, False),
        # A very fast server without any wait.
        ([0.1 + 0.02 * n for n in range(40)], 40, False),
    ],
)
def test_chunks_that_come_together_are_one_arrival(
    stamps_ms: list[float], arrivals: int, is_coalesced: bool
) -> None:
    reads = [(at_ms, event(delta(content="tok "))) for at_ms in stamps_ms]
    figures = figures_of(*reads, (60_000, FINISH))

    assert (figures.arrivals, figures.is_coalesced) == (arrivals, is_coalesced)
    assert (figures.chunk_gaps is None) is is_coalesced
    assert (figures.tokens_per_sec is None) is (arrivals == 1)
