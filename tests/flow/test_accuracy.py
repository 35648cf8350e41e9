"""The client measures itself against a real child process that knows when it sent."""

import asyncio
import http.client
import json
import socket
import sys
import time
from contextlib import ExitStack

import pytest

from nobs.providers.chat import ChatRequest
from nobs.schema.server import Connection
from nobs.tasks.chat.client import accuracy
from nobs.tasks.chat.client.accuracy import LoopbackFailed, measure_own_error, truthful_server
from nobs.tasks.chat.client.chat import chat_client, chat_stream
from nobs.tasks.chat.client.exchange import Limits
from nobs.tasks.chat.client.record import ChatRecord


@pytest.mark.parametrize("streams", [1, 4])
def test_the_client_measures_its_own_error(streams: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Beside other tests the server starts late.
    patient = Limits(connect_s=60, first_byte_s=60, idle_s=60, total_s=120)
    monkeypatch.setattr(accuracy, "LIMITS", patient)
    start = time.perf_counter()

    error = measure_own_error(streams)

    assert time.perf_counter() - start < 120
    assert (error.requests, error.tokens) == (streams, streams * 100)
    # Its own times alone: a busy machine may add much, but nothing comes before it was sent.
    assert 0 < error.ttft_error_s < 5
    assert 0 < error.delay_p99_s < 5
    assert abs(error.itl_error) < 10


def test_a_server_that_does_not_start_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(LoopbackFailed, match="can't measure its timing error"):
        measure_own_error()


def test_the_server_sends_the_schedule_of_the_path_and_logs_it() -> None:
    with truthful_server() as server:

        async def talk() -> ChatRecord:
            with chat_client(Connection(base_url=f"{server.url}/20-5-6-2/v1")) as client:
                return await chat_stream(client, ChatRequest(model="a", messages=[]))

        figures = asyncio.run(talk()).figures
        ((name, (received, *sent)),) = server.finish()

    assert name == "a"
    assert figures is not None
    assert (figures.chunks, figures.output_tokens, figures.finish_reason) == (6, 6, "length")
    assert sent[0::2] == sent[1::2]
    assert sent[0] - received >= 20e6
    assert sent[-1] - received >= 30e6


def test_the_server_ends_with_the_block() -> None:
    with truthful_server() as server:
        port = int(server.url.rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", "/0-0-1/v1/chat/completions", json.dumps({"model": "b"}))
        assert b"[DONE]" in connection.getresponse().read()
        connection.close()

    with pytest.raises(ConnectionRefusedError):
        connection.request("POST", "/0-0-1/v1/chat/completions")


def test_the_server_holds_two_thousand_connections() -> None:
    request = json.dumps({"model": "last"})
    with truthful_server(2000) as server, ExitStack() as stack:
        port = int(server.url.rpartition(":")[2])
        sockets = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            for _ in range(2000)
        ]
        answers = []
        for sock in (sockets[0], sockets[-1]):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.sock = sock
            connection.request("POST", "/0-0-3/v1/chat/completions", request)
            answers.append(connection.getresponse().read())
        sent = server.finish()

    assert [answer.count(b" token") for answer in answers] == [3, 3]
    assert [(name, len(stamps)) for name, stamps in sent] == [("last", 4), ("last", 4)]
