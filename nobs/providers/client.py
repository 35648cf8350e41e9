"""Requests to a server other than the timed ones, through the openai client."""

import json
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import httpx2
from openai import APIStatusError, OpenAI, OpenAIError

from nobs.providers.chat import EVENT_STREAM, JSON, ChatRequest, headers_of
from nobs.providers.embed import ROUTE, EmbedRequest
from nobs.providers.evidence import Seen
from nobs.schema.server import Connection

CONNECT_S = 5.0
ANSWER_S = 10.0
"""For everything that needs no inference."""
MAX_BYTES = 16_000_000
_NO_KEY = "none"
"""The library needs one; the transport doesn't send it."""
_OF_HTTP = ("host", "content-length", "transfer-encoding")
"""Headers that say how a request is sent, not what by whom."""


class UnexpectedAnswer(Exception):
    """A server answered 200, but not as its API specifies."""

    def __init__(self, expected: str, response: httpx2.Response) -> None:
        super().__init__(f"no {expected} in {response.text[:200]!r}")
        self.expected = expected
        self.kind = response.headers.get("content-type", "")
        self.excerpt = " ".join(response.text[:80].split())
        self.route = response.request.url.path


class WholeAnswer(UnexpectedAnswer):
    """A server answered with a whole completion instead of a stream."""


class ErrorAnswer(Exception):
    """A server answered 200 with an error object."""

    def __init__(self, body: object) -> None:
        super().__init__(str(body))
        self.body = body


class Server:
    """One server as this process reaches it; each request has a deadline and no retry.

    Like timed requests, these ignore proxies and have the same headers, so that both are treated
    alike.
    """

    def __init__(self, connection: Connection, *, answer_s: float = ANSWER_S) -> None:
        self.root = _root(connection.base_url)
        self.answers = False
        """Whether any native request was answered."""
        self.seen = Seen()
        """Evidence in answers of where the model computes."""
        self._http = httpx2.Client(
            transport=_Bounded(connection, answer_s),
            timeout=_timeout(answer_s),
            trust_env=False,
        )
        self._openai = OpenAI(
            base_url=connection.base_url,
            api_key=connection.api_key or _NO_KEY,
            max_retries=0,
            http_client=self._http,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._openai.close()

    def models(self) -> tuple[dict[str, Any], ...]:
        """Return the entries of the model list, with whatever fields the server adds."""
        response = self._openai.models.with_raw_response.list().http_response
        entries = _entries(_object(response))
        if entries is None:
            raise UnexpectedAnswer("list of models", response)
        return tuple(entries)

    def infer(self, request: ChatRequest, *, timeout_s: float) -> None:
        """Send `request` and read its stream to the end."""
        headers = {"Accept": EVENT_STREAM}
        response = self._post("/chat/completions", request.body(), timeout_s, headers)
        events = _events(response)
        self.seen.note(response.headers, events)
        for event in events:
            if event.get("error") or event.get("object") == "error":
                raise ErrorAnswer(event)
        if not any(isinstance(event.get("choices"), list) for event in events):
            raise _unstreamed(response)

    def embed(self, request: EmbedRequest, *, timeout_s: float) -> None:
        """Send `request` and check that vectors come back."""
        response = self._post(ROUTE, request.body(), timeout_s, {})
        answer = _object(response)
        self.seen.note(response.headers, [answer])
        if answer.get("error"):
            raise ErrorAnswer(answer)
        data = answer.get("data")
        first = data[0] if isinstance(data, list) and data else None
        if not isinstance(first, dict) or not first.get("embedding"):
            raise UnexpectedAnswer("vectors of texts", response)

    def native(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the JSON object of a route outside OpenAI's API, empty where there is none."""
        try:
            if body is None:
                response = self._openai.get(f"{self.root}{path}", cast_to=httpx2.Response)
            else:
                response = self._openai.post(
                    f"{self.root}{path}", body=dict(body), cast_to=httpx2.Response
                )
        except OpenAIError as error:
            self.answers = self.answers or isinstance(error, APIStatusError)
            return {}
        self.answers = True
        return _object(response)

    def _post(
        self, route: str, body: bytes, timeout_s: float, headers: Mapping[str, str]
    ) -> httpx2.Response:
        """Send a request for an inference."""
        return self._openai.post(
            route,
            content=body,
            cast_to=httpx2.Response,
            options={"timeout": _timeout(timeout_s), "headers": headers},
        )


class _Bounded(httpx2.BaseTransport):
    """Ends an answer that takes too long or grows too large; time-outs limit single reads only."""

    def __init__(self, connection: Connection, answer_s: float) -> None:
        self._transport = httpx2.HTTPTransport(
            uds=connection.socket, verify=_tls(connection.base_url), trust_env=False
        )
        self._answer_s = answer_s
        self._headers = headers_of(connection.api_key)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send `request` with the headers of timed requests instead of the libraries'."""
        kept = {name: request.headers[name] for name in _OF_HTTP if name in request.headers}
        accept = {} if request.headers.get("accept") == EVENT_STREAM else {"Accept": JSON}
        sent = httpx2.Request(
            request.method, request.url, headers=kept | self._headers | accept,
            stream=request.stream, extensions=request.extensions,
        )  # fmt: skip
        limit_s = request.extensions.get("timeout", {}).get("read") or self._answer_s
        response = self._transport.handle_request(sent)
        assert isinstance(response.stream, httpx2.SyncByteStream)  # noqa: S101 -- no async here
        response.stream = _BoundedStream(response.stream, time.monotonic() + limit_s)
        return response

    def close(self) -> None:
        self._transport.close()


class _BoundedStream(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        received = 0
        for data in self._stream:
            received += len(data)
            if time.monotonic() > self._deadline:
                raise httpx2.ReadTimeout("the answer doesn't end")
            if received > MAX_BYTES:
                raise httpx2.RemoteProtocolError(f"the answer has more than {MAX_BYTES} bytes")
            yield data

    def close(self) -> None:
        self._stream.close()


def _tls(base_url: str) -> ssl.SSLContext:
    """Return the system's certificates; `http://` skips loading them, which takes 0.1 s."""
    if base_url.startswith("https:"):
        return ssl.create_default_context()
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _root(base_url: str) -> str:
    """Return the URL in front of OpenAI's routes, where servers have their own ones."""
    parts = urlsplit(base_url)
    path = parts.path.rstrip("/").removesuffix("/v1")
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _parse(text: str | bytes) -> Any:  # noqa: ANN401 - whatever the server sent
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _object(response: httpx2.Response) -> dict[str, Any]:
    """Return the JSON object of an answer, empty if it is none."""
    values = _parse(response.content)
    return values if isinstance(values, dict) else {}


def _timeout(longest_s: float) -> httpx2.Timeout:
    return httpx2.Timeout(longest_s, connect=min(CONNECT_S, longest_s))


def _events(response: httpx2.Response) -> list[dict[str, Any]]:
    """Return the JSON objects of an event stream."""
    lines = response.content.decode(errors="replace").splitlines()
    data = (line.removeprefix("data:") for line in lines if line.startswith("data:"))
    return [value for text in data if isinstance(value := _parse(text), dict)]


def _unstreamed(response: httpx2.Response) -> ErrorAnswer | UnexpectedAnswer:
    """Return the error for an answer that isn't a stream."""
    whole = _object(response)
    if whole.get("error"):
        return ErrorAnswer(whole)
    kind = WholeAnswer if whole.get("choices") else UnexpectedAnswer
    return kind("stream of a completion", response)


def _entries(values: dict[str, Any]) -> list[dict[str, Any]] | None:
    entries = values.get("data")
    if entries is None and values.get("object") == "list":
        return []  # as some servers write an empty list
    if not isinstance(entries, list):
        return None
    are_models = (isinstance(each, dict) and isinstance(each.get("id"), str) for each in entries)
    return entries if all(are_models) else None
