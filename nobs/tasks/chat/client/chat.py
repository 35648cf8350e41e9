"""Streamed chat completions against any OpenAI-compatible server, timed where bytes arrive."""

import ssl
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from urllib.parse import urlsplit

from nobs.providers.chat import ChatRequest, headers_of
from nobs.schema.server import Connection
from nobs.tasks.chat.client.exchange import End, Exchange, Limits
from nobs.tasks.chat.client.figures import record_of
from nobs.tasks.chat.client.record import ChatFailure, ChatRecord
from nobs.tasks.chat.client.wire import ConnectFailed, KeepAlive


def request_bytes(connection: Connection, request: ChatRequest) -> bytes:
    """Return the whole HTTP request, ready before the clock starts."""
    return post_bytes(connection, "/chat/completions", request.body())


def post_bytes(
    connection: Connection, route: str, body: bytes, headers: Mapping[str, str] | None = None
) -> bytes:
    """Return a whole request to `route`, with `headers` in place of the usual ones."""
    named = {"Content-Length": str(len(body)), **headers_of(connection.api_key), **(headers or {})}
    return _head("POST", connection, path_of(connection) + route, named) + body


def get_bytes(connection: Connection, path: str, **headers: str) -> bytes:
    """Return a whole request for `path`, with `headers` in place of the usual ones."""
    named = headers_of(connection.api_key) | headers
    del named["Content-Type"]
    return _head("GET", connection, path, named)


def path_of(connection: Connection) -> str:
    """Return the path of the base URL, without a slash at its end."""
    return urlsplit(connection.base_url).path.rstrip("/")


def _head(method: str, connection: Connection, path: str, headers: Mapping[str, str]) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {urlsplit(connection.base_url).netloc}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


class ChatClient:
    """One keep-alive connection; requests are sequential and never retried."""

    def __init__(
        self,
        connection: Connection,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._connection = connection
        self._http = KeepAlive(connection, limits, tls)
        self._has_answered = False
        self._is_kept = True

    async def open(self) -> None:
        """Connect ahead of the next request; raise ConnectFailed."""
        await self._http.open()

    async def exchange(self, request: ChatRequest | bytes) -> Exchange:
        """Time one request and leave the parsing for later; raise ConnectFailed.

        Under load, parse (`record_of`) only after all streams ended: parsing one answer would
        delay the stamps of the others. For the same reason, give the bytes of `request_bytes`.

        Some servers close a connection after an answer without announcing it. If that crosses the
        next request, the request is sent once more on a new connection with a new start time, and
        connections are no longer reused.
        """
        data = request
        if isinstance(data, ChatRequest):
            data = request_bytes(self._connection, data)
        is_reused = self._has_answered and self._is_kept
        found = await self._exchange(data)
        if not is_reused or found.stamps or found.end is not End.CLOSED:
            return found
        self._is_kept = False
        return await self._exchange(data)

    async def _exchange(self, data: bytes) -> Exchange:
        found = await self._http.exchange(data)
        self._has_answered = self._http.is_open
        if not self._is_kept:
            self._http.close()
        return found

    def close(self) -> None:
        """Drop the connection."""
        self._http.close()


def chat_client(
    connection: Connection, limits: Limits | None = None, tls: ssl.SSLContext | None = None
) -> AbstractContextManager[ChatClient]:
    """Return a client whose connection is closed on every path."""
    return closing(ChatClient(connection, limits, tls))


async def chat_stream(client: ChatClient, request: ChatRequest) -> ChatRecord:
    """Stream one answer and return its record; a failure is in it, too, and has no latency."""
    try:
        exchange = await client.exchange(request)
    except ConnectFailed as failed:
        return connect_failure(failed)
    return record_of(exchange)


def connect_failure(failed: ConnectFailed) -> ChatRecord:
    """Return the record of a request for which no connection could be opened."""
    kind = ChatFailure.CONNECT_TIMEOUT if failed.timed_out else ChatFailure.CONNECT
    return ChatRecord(stamps=None, failure=kind, error=str(failed))
