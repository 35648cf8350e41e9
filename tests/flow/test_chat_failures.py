"""Requests that fail, on real sockets: each says why, ends, and is sent once."""

import itertools
import time
from collections.abc import Iterator

import pytest

from nobs.tasks.chat.client.exchange import Limits
from nobs.tasks.chat.client.record import ChatFailure
from tests.fakes.chats import CHUNKED, CLOSING, TOKEN, answer, chat, in_one_write
from tests.fakes.llm_server import Script, Send, Then, serving
from tests.fakes.llm_streams import chunked, event, head

LONGER = head("Content-Length: 1000")
HTML = b"<html><title>Router</title></html>"


@pytest.mark.parametrize(
    ("script", "failure", "words"),
    [
        (in_one_write(TOKEN), ChatFailure.CUT, "finish_reason"),
        (in_one_write(chunked(TOKEN), CHUNKED), ChatFailure.CUT, "closed before"),
        (in_one_write(TOKEN, LONGER, Then.RESET), ChatFailure.CUT, "closed before"),
        (in_one_write(b"", b"HTTP/1.1 200"), ChatFailure.CUT, "closed before"),
        (in_one_write(TOKEN + event({"error": {"message": "slot died"}})),
         ChatFailure.SERVER_ERROR, "slot died"),
        (in_one_write(b'{"error": {"message": "bad key"}}', head(status="401 Unauthorized")),
         ChatFailure.HTTP_STATUS, "401 Unauthorized: bad key"),
        (in_one_write(b"no such model", head(status="404 Not Found", kind="text/plain")),
         ChatFailure.HTTP_STATUS, "no such model"),
        (in_one_write(b'{"error": "context exceeded"}', head(status="400 Bad Request")),
         ChatFailure.HTTP_STATUS, "context exceeded"),
        (in_one_write(HTML, head(kind="text/html")), ChatFailure.NOT_A_STREAM, "text/html"),
        (in_one_write(b"data: \xff\xfe\n\n"), ChatFailure.MALFORMED, "UTF-8"),
        (in_one_write(b"data: " + b"x" * 10_100_000 + b"\n\n"), ChatFailure.TOO_LARGE, "10 MB"),
        (in_one_write(b"\r\n", b"SSH-2.0-OpenSSH_9.6"), ChatFailure.MALFORMED, "HTTP"),
        (in_one_write(b"zz\r\n\r\n", CHUNKED, Then.HANG), ChatFailure.MALFORMED, "chunk"),
    ],
)  # fmt: skip
def test_a_failed_request_has_no_latency(script: Script, failure: ChatFailure, words: str) -> None:
    record, _ = answer(script)

    assert record.figures is None
    assert record.failure == failure
    assert words in record.error


def test_a_request_that_failed_is_not_sent_again() -> None:
    with serving(in_one_write(TOKEN, LONGER, Then.RESET)) as server:
        (record,) = chat(server)

    assert record.failure == ChatFailure.CUT
    assert len(server.log) == 1


def test_a_first_request_without_an_answer_is_not_repeated() -> None:
    with serving(Script(steps=[], then=Then.CLOSE)) as server:
        (record,) = chat(server)

    assert record.failure is ChatFailure.CUT
    assert len(server.log) == 1


def endless() -> Iterator[Send]:
    yield Send(0, CHUNKED)
    yield from (Send(n / 1000, chunked(TOKEN), 1) for n in itertools.count())


@pytest.mark.parametrize(
    ("script", "limits", "failure"),
    [
        (Script(steps=[], then=Then.HANG), Limits(first_byte_s=0.1),
         ChatFailure.FIRST_BYTE_TIMEOUT),
        (Script(steps=[Send(0, CLOSING + TOKEN)], then=Then.HANG), Limits(idle_s=0.1),
         ChatFailure.IDLE_TIMEOUT),
        (Script(steps=endless()), Limits(total_s=0.3), ChatFailure.TOTAL_TIMEOUT),
        (Script(steps=endless()), Limits(max_bytes=5000), ChatFailure.TOO_LARGE),
    ],
)  # fmt: skip
def test_every_wait_has_an_end(script: Script, limits: Limits, failure: ChatFailure) -> None:
    start = time.perf_counter()

    record, _ = answer(script, limits)

    assert record.failure == failure
    assert time.perf_counter() - start < 60


def test_a_server_that_is_not_there_is_named() -> None:
    with serving(Script(steps=[])) as server:
        pass

    (record,) = chat(server)

    assert record.failure == ChatFailure.CONNECT
    assert "can't connect to 127.0.0.1:" in record.error
