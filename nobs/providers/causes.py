"""Classifies errors of the client by why the server can't be used; pure."""

import json
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from enum import StrEnum, auto
from typing import Any

import httpx2
from openai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    PermissionDeniedError,
)

from nobs.providers.base import UnknownModel
from nobs.providers.client import ErrorAnswer, UnexpectedAnswer, WholeAnswer
from nobs.providers.refusals import TOO_FEW, Part, find_refused
from nobs.settings import hide_secrets


class Cause(StrEnum):
    """Why a server can't be used."""

    NOT_RUNNING = auto()
    """Nothing listens there."""
    CLOSED = auto()
    """Listens, but closes the connection: starting, crashing, or a forwarder without a target."""
    UNRESOLVED = auto()
    UNREACHABLE = auto()
    """No route to that address."""
    NO_REPLY = auto()
    """No reply to the connection: a firewall, or an unused address."""
    SILENT = auto()
    """Connected, but no answer in time."""
    TLS = auto()
    OTHER_PROGRAM = auto()
    """Something answers, but not with OpenAI's API: wrong port, wrong path, another program."""
    KEY = auto()
    MODEL = auto()
    """Unknown or not loaded."""
    OTHER_MODEL = auto()
    """Another model answers than the one asked for."""
    CONTEXT = auto()
    """The request is longer than the model's context."""
    BUSY = auto()
    """Loading, overloaded or limiting the rate: it asks to come back later."""
    PART = auto()
    """It refuses an optional part of the request."""
    REFUSED = auto()
    """Any other error answer."""


ABSENT = frozenset(
    {Cause.NOT_RUNNING, Cause.CLOSED, Cause.UNRESOLVED, Cause.UNREACHABLE, Cause.NO_REPLY}
)
"""Temporary only if the server is starting right now."""
TRANSIENT = ABSENT | {Cause.SILENT, Cause.BUSY}

_NO_ROUTE = frozenset({404, 405})
_BY_A_PART = frozenset({400, 406, 422, 500, 501})
_MOST_CHARACTERS = 300
_BUSY_STATUS = frozenset({408, 425, 429, 502, 503, 504})
_CODES = dict.fromkeys(map(str, _BUSY_STATUS), Cause.BUSY) | {"401": Cause.KEY, "403": Cause.KEY}
"""Status codes within an error that came with HTTP status 200."""
_TOO_LONG = re.compile(
    r"context.{0,40}(length|size|window|overflow)|too many tokens", re.IGNORECASE
)
_CLOSED = re.compile(r"disconnected|incomplete chunked read")
"""Messages of the client for a broken connection or stream."""
_TAG = re.compile(r"<[^>]*>")
_OF_MODEL = re.compile(r"\bmodel\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is known about a failure."""

    cause: Cause
    detail: str
    """The message of the system or the server."""
    retry_after_s: float | None = None
    models: tuple[str, ...] = ()
    """The server's models, if the cause is the model."""
    is_ambiguous: bool = False
    """Whether each of `models` may be meant."""
    refused: frozenset[Part] = frozenset()
    """The parts that it refuses, if the cause is a part of the request."""
    may_be_a_part: bool = False
    """Whether a part of the request may be the reason even if none is named."""
    is_no_route: bool = False
    """Whether the server doesn't have the route or the method."""
    is_redirect: bool = False
    """Whether it names another address."""
    wants_more_tokens: bool = False
    """Whether the limit of output tokens is too low for it."""
    waited_s: float | None = None
    """How long an inference was waited for, if the cause is silence."""

    @property
    def is_of_the_api(self) -> bool:
        """Whether the server may serve the same model by another API."""
        # It has the model in its list, but answers that it can't be used like this.
        refuses_model = self.cause is Cause.MODEL and not self.models
        return self.is_no_route or refuses_model or self.cause in (Cause.PART, Cause.REFUSED)


def classify(error: Exception) -> Finding:
    """Return why a request to a server failed; unknown errors are raised again."""
    finding = _find(error)
    return replace(finding, detail=hide_secrets(finding.detail).rstrip(" .:"))


def _find(error: Exception) -> Finding:
    match error:
        case UnknownModel():
            return Finding(
                cause=Cause.MODEL, detail=str(error), models=error.models,
                is_ambiguous=error.is_ambiguous,
            )  # fmt: skip
        case ErrorAnswer():
            return _of_error(error)
        case UnexpectedAnswer():
            return _of_answer(error)
        case AuthenticationError() | PermissionDeniedError():
            return Finding(cause=Cause.KEY, detail=_said(error))
        case APIStatusError():
            return _of_status(error)
        case APIConnectionError():
            return _of_connection(error)
        case _:
            raise error


def _of_status(error: APIStatusError) -> Finding:
    said, status = _said(error), error.status_code
    if status in _BUSY_STATUS:
        after_s = _retry_after_s(error.response.headers)
        return Finding(cause=Cause.BUSY, detail=said, retry_after_s=after_s)
    if status < 400 or (
        _is_page(error.response) and not (_is_chat(error) and status in _BY_A_PART)
    ):
        where = error.response.headers.get("location")
        detail = f"{status}, a redirect to {where}" if where else said
        return Finding(cause=Cause.OTHER_PROGRAM, detail=detail, is_redirect=bool(where))
    if status in {400, 413, 422} and _is_too_long(error.body, said):
        return Finding(cause=Cause.CONTEXT, detail=said)
    refused = find_refused(error.body or said)
    if status in {400, 404} and _is_of_model(error, in_words=not refused):
        return Finding(cause=Cause.MODEL, detail=said)
    other = Cause.OTHER_PROGRAM if status in _NO_ROUTE else Cause.REFUSED
    return Finding(
        cause=Cause.PART if refused else other,
        detail=said,
        refused=refused,
        may_be_a_part=status in _BY_A_PART,
        is_no_route=status in _NO_ROUTE,
        wants_more_tokens=Part.LIMIT in refused and bool(TOO_FEW.search(said)),
    )


def _of_error(error: ErrorAnswer) -> Finding:
    """Classify an error object instead of an answer: by its code, else by its text."""
    said = " ".join((_words(error.body) or str(error)).split())[:_MOST_CHARACTERS]
    inner = error.body.get("error") if isinstance(error.body, dict) else None
    if _is_too_long(inner, said):
        return Finding(cause=Cause.CONTEXT, detail=said)
    if (cause := _CODES.get(_field(inner, "code"))) is not None:
        return Finding(cause=cause, detail=said)
    refused = find_refused(error.body)
    cause = Cause.PART if refused else Cause.REFUSED
    return Finding(cause=cause, detail=said, refused=refused, may_be_a_part=True)


def _is_page(response: httpx2.Response) -> bool:
    return response.headers.get("content-type", "").startswith("text/html")


def _is_too_long(body: object, said: str) -> bool:
    """Check the known codes, then the text."""
    codes = {_field(body, "code"), _field(body, "type")}
    known = {"context_length_exceeded", "exceed_context_size_error"}
    return bool(codes & known) or bool(_TOO_LONG.search(said))


def _is_of_model(error: APIStatusError, *, in_words: bool) -> bool:
    if _field(error.body, "code") == "model_not_found" or _field(error.body, "param") == "model":
        return True
    may_be = in_words and _is_chat(error) and error.status_code == 404
    return may_be and bool(_OF_MODEL.search(_said(error)))


def _is_chat(error: APIStatusError) -> bool:
    """Return whether a completion was asked for: the list of models has been answered before."""
    return error.request.url.path.endswith("/chat/completions")


def _field(body: object, name: str) -> str:
    return str(body.get(name) or "") if isinstance(body, dict) else ""


def _said(error: APIStatusError) -> str:
    """Return the status and the server's own message, in one line."""
    text = error.response.text
    said = _words(error.body) or (_TAG.sub(" ", text) if _is_page(error.response) else text)
    return f"{error.status_code} {' '.join(said.split())[:_MOST_CHARACTERS]}".strip()


def _words(body: object) -> str:
    """Find the message in what servers send: an object, one in `error`, or a string."""
    match body:
        case {"message": str(text)} | {"error": str(text)} | {"detail": str(text)} | str(text):
            return text
        case {"error": inner}:
            return _words(inner)
        case dict() | list():
            return json.dumps(body)
        case _:
            return ""


def _of_answer(error: UnexpectedAnswer) -> Finding:
    detail = _describe_answer(error)
    if isinstance(error, WholeAnswer):
        return Finding(cause=Cause.PART, detail=detail, refused=frozenset({Part.STREAM}))
    return Finding(cause=Cause.OTHER_PROGRAM, detail=detail)


def _describe_answer(error: UnexpectedAnswer) -> str:
    kind = f" of type {error.kind}" if error.kind else ""
    return f"{error.route} answered 200 with no {error.expected}{kind}: {error.excerpt!r}"


def _retry_after_s(headers: Mapping[str, Any]) -> float | None:
    """Read Retry-After: seconds, or a date."""
    value = headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _of_connection(error: APIConnectionError) -> Finding:
    chain = tuple(_chain(error))
    detail = str(chain[-1]) or type(chain[-1]).__name__
    return Finding(cause=_connection_cause(error, chain), detail=detail)


def _connection_cause(  # noqa: PLR0911 - one line a cause
    error: APIConnectionError, chain: tuple[BaseException, ...]
) -> Cause:
    if _has(chain, socket.gaierror):
        return Cause.UNRESOLVED
    if _has(chain, ssl.SSLError):
        return Cause.TLS
    if _has(chain, httpx2.ConnectTimeout):
        return Cause.TLS if "handshake" in str(chain[-1]) else Cause.NO_REPLY
    if isinstance(error, APITimeoutError):
        return Cause.SILENT
    if _has(chain, ConnectionRefusedError, FileNotFoundError):
        return Cause.NOT_RUNNING
    if _has(chain, ConnectionError) or _CLOSED.search(str(chain[-1])):
        return Cause.CLOSED
    if _has(chain, httpx2.ProtocolError, httpx2.DecodingError):
        return Cause.OTHER_PROGRAM
    return Cause.UNREACHABLE


def _has(chain: tuple[BaseException, ...], *kinds: type[BaseException]) -> bool:
    return any(isinstance(error, kinds) for error in chain)


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__
