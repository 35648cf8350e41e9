"""The client against real sockets; the server's own log is the truth."""

import asyncio
from dataclasses import replace

import pytest

from nobs.schema.server import Connection
from nobs.tasks.chat.client.chat import chat_client
from nobs.tasks.chat.client.exchange import Exchange
from nobs.tasks.chat.client.figures import record_of
from tests.fakes.chats import (
    CHUNKED,
    CLOSING,
    DONE,
    FINISH,
    LAST_CHUNK,
    LIMITS,
    REQUEST,
    ROLE,
    TOKEN,
    answer,
    assert_stamps_follow,
    chat,
    figures_of,
    in_chunks,
    in_one_write,
)
from tests.fakes.llm_server import Script, ScriptedServer, Send, Then, serving
from tests.fakes.llm_streams import chunked, head


def test_the_first_token_is_the_one_that_the_server_sent_first() -> None:
    record, truth = answer(
        in_chunks(
            Send(0.0, ROLE),
            Send(0.05, TOKEN, 1),
            Send(0.2, TOKEN, 1),
            Send(0.4, TOKEN, 1),
            Send(0.4, FINISH + DONE),
        )
    )

    figures = figures_of(record)
    assert_stamps_follow(record, truth)
    assert figures.ttft_s > 0.05
    assert figures.generation_time_s > 0
    assert (figures.output_tokens, figures.chunks, figures.finish_reason) == (3, 3, "stop")


def test_a_stall_of_the_server_is_in_the_gaps() -> None:
    times = [0.01, 0.015, 0.02, 0.32, 0.325]
    record, truth = answer(in_chunks(*(Send(at, TOKEN, 1) for at in times), Send(0.33, DONE)))

    gaps = figures_of(record).chunk_gaps
    stall_s = (truth.token_ns[3] - truth.token_ns[2]) / 1e9
    assert gaps is not None
    assert gaps.max_s == pytest.approx(stall_s, abs=0.25)
    assert_stamps_follow(record, truth)


def test_one_connection_serves_all_requests() -> None:
    with serving(in_chunks(Send(0, TOKEN, 1), Send(0, FINISH + DONE))) as server:
        records = chat(server, times=3)

    assert all(record.figures for record in records)
    assert [entry.connection for entry in server.log] == [1, 1, 1]


def test_a_closed_connection_is_opened_again_before_the_clock_starts() -> None:
    with serving(in_one_write(TOKEN + FINISH + DONE)) as server:
        records = chat(server, times=2)

    assert all(record.figures for record in records)
    assert [entry.connection for entry in server.log] == [1, 2]


def test_the_request_asks_for_a_stream_with_usage_and_carries_the_key() -> None:
    _, truth = answer(in_one_write(TOKEN + DONE))

    assert truth.path == "/v1/chat/completions"
    assert truth.headers["authorization"] == "Bearer key"
    assert truth.values["stream"] is True
    assert truth.values["stream_options"] == {"include_usage": True}
    assert truth.values["max_tokens"] == 2048


BODY = ROLE + b": ping\n\n" + TOKEN * 3 + FINISH + DONE
SIZED = head(f"Content-Length: {len(BODY)}")


@pytest.mark.parametrize(
    "script",
    [
        in_one_write(BODY),
        in_one_write(BODY, SIZED, Then.KEEP),
        in_one_write(chunked(BODY) + LAST_CHUNK, CHUNKED, Then.KEEP),
        in_one_write(chunked(*(bytes([byte]) for byte in BODY)) + LAST_CHUNK, CHUNKED, Then.KEEP),
        in_one_write(BODY.replace(b"\n", b"\r\n")),
        in_one_write(BODY.replace(DONE, b"")),
        in_one_write(b"HTTP/1.1 100 Continue\r\n\r\n" + CLOSING + BODY, b""),
        Script(
            steps=[Send(n * 2e-4, bytes([byte])) for n, byte in enumerate(CLOSING + BODY)],
            then=Then.CLOSE,
        ),
    ],
    ids=["plain", "sized", "chunked", "tiny-chunks", "crlf", "no-done", "interim", "bytewise"],
)
def test_the_same_answer_comes_out_of_every_framing(script: Script) -> None:
    figures = figures_of(answer(script)[0])

    assert (figures.chunks, figures.output_tokens, figures.output_chars) == (3, 3, 12)


def test_many_streams_at_once_keep_their_own_tokens() -> None:
    async def talk(server: ScriptedServer) -> list[Exchange]:
        connection = Connection(base_url=server.url)

        async def one() -> Exchange:
            with chat_client(connection, LIMITS) as client:
                return await client.exchange(REQUEST)

        return await asyncio.gather(*(one() for _ in range(16)))

    steps = [Send(0.01 + n / 500, TOKEN, 1) for n in range(20)]
    with serving(in_chunks(*steps, Send(0.06, DONE))) as server:
        exchanges = asyncio.run(talk(server))

    records = [record_of(exchange) for exchange in exchanges]
    assert [figures_of(record).chunks for record in records] == [20] * 16


def test_a_connection_that_is_closed_behind_an_answer_fails_no_request() -> None:
    in_chunks_then_closed = replace(in_chunks(Send(0, TOKEN, 1), Send(0, FINISH)), then=Then.CLOSE)
    with serving(in_chunks_then_closed) as server:
        records = chat(server, times=20)

    assert [record.failure for record in records] == [None] * 20
    assert len({answered.connection for answered in server.log}) == len(server.log) == 20
