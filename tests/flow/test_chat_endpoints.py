"""Connections to a server: encrypted, through a unix socket; their key is never shown."""

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from nobs.schema.server import Connection
from nobs.tasks.chat.client.chat import chat_client, chat_stream
from nobs.tasks.chat.client.record import ChatFailure, ChatRecord
from tests.fakes.chats import (
    DONE,
    FINISH,
    LIMITS,
    REQUEST,
    TOKEN,
    assert_stamps_follow,
    figures_of,
    in_chunks,
)
from tests.fakes.llm_server import Send, serving


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
        with chat_client(Connection(base_url=url), LIMITS, context) as client:
            return await chat_stream(client, REQUEST)

    with serving(in_chunks(Send(0, TOKEN, 1), Send(0, FINISH + DONE)), tls=ours) as server:
        trusted = asyncio.run(talk(server.url, trusting))
        untrusted = asyncio.run(talk(server.url, None))

    assert figures_of(trusted).chunks == 1
    assert untrusted.failure == ChatFailure.CONNECT
    assert "certificate" in untrusted.error


def chat_through(unix_socket: Path, url: str) -> ChatRecord:
    async def talk() -> ChatRecord:
        connection = Connection(base_url=url, socket=str(unix_socket))
        with chat_client(connection, LIMITS) as client:
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


def test_a_key_is_neither_shown_nor_written() -> None:
    connection = Connection(base_url="http://h/v1").with_key("secret")

    assert connection.api_key == "secret"
    assert "secret" not in f"{connection} {connection!r} {connection.model_dump()}"
    assert "secret" not in connection.model_dump_json()
