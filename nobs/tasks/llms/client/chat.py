"""Streamed chat completions against any OpenAI-compatible server, timed where bytes arrive."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from nobs.errors import UsageError
from nobs.providers.chat import ChatRequest, headers_of
from nobs.tasks.llms.client.counts import CountTokens
from nobs.tasks.llms.client.figures import record_of
from nobs.tasks.llms.client.record import ChatFailure, ChatRecord
from nobs.tasks.llms.client.wire import Address, ConnectFailed, Connection, End, Exchange, Limits

__all__ = [
    "ChatClient",
    "ChatRequest",
    "Endpoint",
    "chat_client",
    "chat_stream",
    "connect_failure",
    "request_bytes",
]

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A server's base URL, as in `http://127.0.0.1:1234/v1`, taken apart."""

    address: Address
    authority: str
    """As it stands in the Host header."""
    path: str
    api_key: str = field(default="", repr=False)

    @classmethod
    def of(
        cls,
        base_url: str,
        api_key: str = "",
        context: ssl.SSLContext | None = None,
        unix_socket: Path | None = None,
    ) -> "Endpoint":
        """Return the endpoint of `base_url`, reached through `unix_socket` where one is given.

        Raise UsageError where `base_url` isn't a URL; the socket changes nothing that is sent.
        """
        try:
            parts = urlsplit(base_url)
            port = parts.port or _PORTS[parts.scheme]
        except (KeyError, ValueError) as error:
            raise _bad_url(base_url) from error
        if not parts.hostname:
            raise _bad_url(base_url)
        _check_one_line("the API key", api_key)
        _check_one_line("the URL", base_url)
        tls = (context or ssl.create_default_context()) if parts.scheme == "https" else None
        return cls(
            address=Address(host=parts.hostname, port=port, tls=tls, unix_socket=unix_socket),
            authority=parts.netloc.rpartition("@")[2],
            path=parts.path.rstrip("/"),
            api_key=api_key,
        )


def _bad_url(base_url: str) -> UsageError:
    return UsageError(
        f"{base_url!r} isn't a server's URL.", "Give one such as http://127.0.0.1:1234/v1."
    )


def _check_one_line(name: str, value: str) -> None:
    if not value.isascii() or any(character <= " " for character in value):
        raise UsageError(f"{name} has a space, a control or a non-ASCII character.", "Correct it.")


def request_bytes(endpoint: Endpoint, request: ChatRequest) -> bytes:
    """Return the whole HTTP request, ready before the clock starts."""
    body = request.body()
    lines = [
        f"POST {endpoint.path}/chat/completions HTTP/1.1",
        f"Host: {endpoint.authority}",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers_of(endpoint.api_key).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


class ChatClient:
    """One keep-alive connection to `endpoint`; requests go one after the other, never retried."""

    def __init__(self, endpoint: Endpoint, limits: Limits | None = None) -> None:
        self._endpoint = endpoint
        self._connection = Connection(endpoint.address, limits)
        self._has_answered = False
        self._is_kept = True

    async def open(self) -> None:
        """Connect ahead of the next request; raise ConnectFailed."""
        await self._connection.open()

    async def exchange(self, request: ChatRequest) -> Exchange:
        """Time one request and leave the parsing for later; raise ConnectFailed.

        Under load, parse (`record_of`) only when no stream runs any more: parsing one answer
        would delay the stamps of the others.

        Some servers close a connection behind an answer without having said so. Where that crosses
        the next request, it is sent on a new connection, and no later one is reused: nothing of it
        was answered, and its clock starts anew.
        """
        data = request_bytes(self._endpoint, request)
        is_reused = self._has_answered and self._is_kept
        found = await self._exchange(data)
        if not is_reused or found.stamps or found.end is not End.CLOSED:
            return found
        self._is_kept = False
        return await self._exchange(data)

    async def _exchange(self, data: bytes) -> Exchange:
        found = await self._connection.exchange(data)
        self._has_answered = self._connection.is_open
        if not self._is_kept:
            self._connection.close()
        return found

    def close(self) -> None:
        """Drop the connection."""
        self._connection.close()


@contextmanager
def chat_client(endpoint: Endpoint, limits: Limits | None = None) -> Iterator[ChatClient]:
    """Yield a client whose connection is closed on every path."""
    client = ChatClient(endpoint, limits)
    try:
        yield client
    finally:
        client.close()


async def chat_stream(
    client: ChatClient, request: ChatRequest, count_tokens: CountTokens | None = None
) -> ChatRecord:
    """Stream one answer and return its record; a failure is in it, too, and has no latency."""
    try:
        exchange = await client.exchange(request)
    except ConnectFailed as failed:
        return connect_failure(failed)
    return record_of(exchange, count_tokens)


def connect_failure(failed: ConnectFailed) -> ChatRecord:
    """Return the record of a request for which no connection could be opened."""
    kind = ChatFailure.CONNECT_TIMEOUT if failed.timed_out else ChatFailure.CONNECT
    return ChatRecord(stamps=None, failure=kind, error=str(failed))
