"""The client against real sockets; the server's own log is the truth."""

import asyncio
import itertools
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nobs.errors import UsageError
from nobs.tasks.llms.client.chat import ChatRequest, Endpoint, chat_client, chat_stream
from nobs.tasks.llms.client.figures import record_of
from nobs.tasks.llms.client.record import ChatFailure, ChatRecord, Figures
from nobs.tasks.llms.client.wire import Exchange, Limits
from tests.fakes.llm_server import Answered, Script, ScriptedServer, Send, Then, serving
from tests.fakes.llm_streams import chunked, delta, event, head, usage

REQUEST = ChatRequest(model="m", messages=[{"role": "user", "content": "Hi"}])
LIMITS = Limits(connect_s=20, first_byte_s=20, idle_s=20, total_s=40)
CHUNKED = head("Transfer-Encoding: chunked")
CLOSING = head("Connection: close")
LAST_CHUNK = b"0\r\n\r\n"
ROLE = event(delta(role="assistant", content=""))
TOKEN = event(delta(content="tok "))
FINISH = event({**delta(finish="stop"), "usage": usage(3)})
DONE = event("[DONE]")


def chat(server: ScriptedServer, limits: Limits = LIMITS, times: int = 1) -> list[ChatRecord]:
    """Send `times` requests over one client."""

    async def talk() -> list[ChatRecord]:
        with chat_client(Endpoint.of(server.url, api_key="key"), limits) as client:
            return [await chat_stream(client, REQUEST) for _ in range(times)]

    return asyncio.run(talk())


def answer(script: Script, limits: Limits = LIMITS) -> tuple[ChatRecord, Answered]:
    """Return what the client saw and what the server did."""
    with serving(script) as server:
        (record,) = chat(server, limits)
    return record, server.log[0]


def figures_of(record: ChatRecord) -> Figures:
    assert record.figures is not None, record.error
    return record.figures


def in_chunks(*steps: Send) -> Script:
    """Return `steps` as an answer in chunks of the wire, then its last chunk."""
    sent = [Send(step.at_s, chunked(step.data), step.tokens) for step in steps]
    end_s = steps[-1].at_s
    return Script(steps=[Send(0, CHUNKED), *sent, Send(end_s, LAST_CHUNK)])


def in_one_write(body: bytes, opening: bytes = CLOSING, then: Then = Then.CLOSE) -> Script:
    return Script(steps=[Send(0, opening + body)], then=then)


def assert_stamps_follow(record: ChatRecord, truth: Answered) -> None:
    """No token is stamped before the server sent it, nor seconds after it."""
    assert record.stamps is not None
    seen = [record.stamps.sent_at_ns + stamp for stamp in record.stamps.token_ns]
    assert len(truth.token_ns) == len(seen)
    late = [stamp - sent for stamp, sent in zip(seen, truth.token_ns, strict=True)]
    assert min(late) >= 0
    assert max(late) < 5e9


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

    gaps = figures_of(record).gaps
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


HTML = b"<html><title>Router</title></html>"


@pytest.mark.parametrize(
    ("script", "failure", "words"),
    [
        (in_one_write(TOKEN), ChatFailure.CUT, "finish_reason"),
        (in_one_write(chunked(TOKEN), CHUNKED), ChatFailure.CUT, "closed before"),
        (in_one_write(TOKEN, SIZED, Then.RESET), ChatFailure.CUT, "closed before"),
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
    with serving(in_one_write(TOKEN, SIZED, Then.RESET)) as server:
        (record,) = chat(server)

    assert record.failure == ChatFailure.CUT
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
    assert time.perf_counter() - start < 10


def test_a_server_that_is_not_there_is_named() -> None:
    with serving(Script(steps=[])) as server:
        pass

    (record,) = chat(server)

    assert record.failure == ChatFailure.CONNECT
    assert "can't connect to 127.0.0.1:" in record.error


def test_many_streams_at_once_keep_their_own_tokens() -> None:
    async def talk(server: ScriptedServer) -> list[Exchange]:
        endpoint = Endpoint.of(server.url)

        async def one() -> Exchange:
            with chat_client(endpoint, LIMITS) as client:
                return await client.exchange(REQUEST)

        return await asyncio.gather(*(one() for _ in range(16)))

    steps = [Send(0.01 + n / 500, TOKEN, 1) for n in range(20)]
    with serving(in_chunks(*steps, Send(0.06, DONE))) as server:
        exchanges = asyncio.run(talk(server))

    records = [record_of(exchange) for exchange in exchanges]
    assert [figures_of(record).chunks for record in records] == [20] * 16


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_an_encrypted_stream_is_read_alike(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(certificate))

    async def talk(url: str, context: ssl.SSLContext | None) -> ChatRecord:
        with chat_client(Endpoint.of(url, context=context), LIMITS) as client:
            return await chat_stream(client, REQUEST)

    with serving(in_chunks(Send(0, TOKEN, 1), Send(0, FINISH + DONE)), tls=ours) as server:
        trusted = asyncio.run(talk(server.url, trusting))
        untrusted = asyncio.run(talk(server.url, None))

    assert figures_of(trusted).chunks == 1
    assert untrusted.failure == ChatFailure.CONNECT
    assert "certificate" in untrusted.error


def chat_through(unix_socket: Path, url: str) -> ChatRecord:
    async def talk() -> ChatRecord:
        endpoint = Endpoint.of(url, unix_socket=unix_socket)
        with chat_client(endpoint, LIMITS) as client:
            return await chat_stream(client, REQUEST)

    return asyncio.run(talk())


def test_a_unix_socket_leads_to_the_server_that_the_url_names(tmp_path: Path) -> None:
    script = in_chunks(Send(0, TOKEN, 1), Send(0, FINISH + DONE))
    with serving(script, unix_socket=tmp_path / "llm.sock") as server:
        record = chat_through(tmp_path / "llm.sock", "http://llm.example:1234/v1")

    assert_stamps_follow(record, server.log[0])
    assert server.log[0].headers["host"] == "llm.example:1234"
    assert server.log[0].path == "/v1/chat/completions"


def test_a_unix_socket_that_is_not_there_is_named(tmp_path: Path) -> None:
    record = chat_through(tmp_path / "none.sock", "http://127.0.0.1:1234/v1")

    assert record.failure == ChatFailure.CONNECT
    assert f"can't connect to {tmp_path}/none.sock: " in record.error


@pytest.mark.parametrize("url", ["127.0.0.1:1234/v1", "http://", "ftp://h/v1", "http://h:x/v1"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="isn't a server's URL"):
        Endpoint.of(url)


def test_a_key_cannot_add_a_header_and_is_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        Endpoint.of("http://h/v1", api_key="secret\r\nX: y")

    assert "secret" not in str(caught.value)
    assert "secret" not in repr(Endpoint.of("http://h/v1", api_key="secret"))


def test_a_connection_that_is_closed_behind_an_answer_fails_no_request() -> None:
    in_chunks_then_closed = replace(in_chunks(Send(0, TOKEN, 1), Send(0, FINISH)), then=Then.CLOSE)
    with serving(in_chunks_then_closed) as server:
        records = chat(server, times=20)

    assert [record.failure for record in records] == [None] * 20
    assert len({answered.connection for answered in server.log}) == len(server.log) == 20


def test_a_first_request_without_an_answer_is_not_repeated() -> None:
    with serving(Script(steps=[], then=Then.CLOSE)) as server:
        (record,) = chat(server)

    assert record.failure is ChatFailure.CUT
    assert len(server.log) == 1
