"""The response in the raw bytes of one exchange: head, body, and why there is none."""

import json
import re
import zlib
from collections.abc import Callable, Iterator

from nobs.tasks.chat.client.answer import error_in
from nobs.tasks.chat.client.exchange import End, Exchange
from nobs.tasks.chat.client.framing import Head, MalformedResponse, body_of, parse_head
from nobs.tasks.chat.client.record import ChatFailure
from nobs.tasks.chat.client.sse import Read

_ANY_ZLIB = zlib.MAX_WBITS | 32
"""Either header, gzip's or zlib's."""
_TAG = re.compile(r"<[^>]*>")
_ENDS = {
    End.FIRST_BYTE_TIMEOUT: ChatFailure.FIRST_BYTE_TIMEOUT,
    End.IDLE_TIMEOUT: ChatFailure.IDLE_TIMEOUT,
    End.TOTAL_TIMEOUT: ChatFailure.TOTAL_TIMEOUT,
    End.TOO_LARGE: ChatFailure.TOO_LARGE,
    End.MALFORMED: ChatFailure.MALFORMED,
    End.CLOSED: ChatFailure.CUT,
}
_MESSAGES = {
    End.FIRST_BYTE_TIMEOUT: "no response within the timeout",
    End.IDLE_TIMEOUT: "the stream paused longer than the timeout",
    End.TOTAL_TIMEOUT: "the answer took longer than the time limit",
    End.TOO_LARGE: "the answer exceeds the size limit",
    End.MALFORMED: "the server doesn't speak HTTP/1.1",
    End.CLOSED: "the connection was closed before the answer was complete",
    End.COMPLETE: "the stream ended without a finish_reason and without [DONE]",
}


class Failed(Exception):
    """The exchange gives no figures."""

    def __init__(self, failure: ChatFailure, error: str) -> None:
        super().__init__(error)
        self.failure = failure


def incomplete(exchange: Exchange) -> Failed:
    """Return how an exchange failed that ended before its answer did."""
    return Failed(_ENDS.get(exchange.end, ChatFailure.CUT), _MESSAGES[exchange.end])


def read_head(exchange: Exchange) -> Head:
    """Return the head of the response; raise Failed if there is none."""
    try:
        head = parse_head(b"".join(exchange.chunks))
    except MalformedResponse as error:
        raise Failed(ChatFailure.MALFORMED, str(error)) from error
    if head is None:
        raise incomplete(exchange)
    return head


def body_reads(exchange: Exchange, head: Head) -> Iterator[Read]:
    """Yield each read's share of the body, decompressed where the server compressed it."""
    body, decoded = body_of(head), _decoder(head)
    to_skip = head.size
    for stamp_ns, data in zip(exchange.stamps, exchange.chunks, strict=True):
        skipped = min(to_skip, len(data))
        to_skip -= skipped
        if not to_skip and (piece := decoded(body.feed(data[skipped:]))):
            yield stamp_ns, piece


def _decoder(head: Head) -> Callable[[bytes], bytes]:
    """Return the decoder of the body: some proxies compress although none was requested."""
    encoding = head.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return bytes
    if encoding not in ("gzip", "x-gzip", "deflate"):
        said = f"the stream is compressed ({encoding}) although that wasn't requested"
        raise Failed(ChatFailure.NOT_A_STREAM, said)
    return zlib.decompressobj(_ANY_ZLIB).decompress


def text_of_body(reads: list[Read]) -> str:
    """Return the start of the body as text."""
    return b"".join(data for _, data in reads)[:100_000].decode(errors="replace")


def error_message(text: str) -> str | None:
    """Return the message of an error object that is the whole body."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return error_in(value) if isinstance(value, dict) else None


def status_error(head: Head, reads: list[Read]) -> Failed:
    """Return the failure of a response with another status than success."""
    text = text_of_body(reads)
    detail = error_message(text) or " ".join(_TAG.sub(" ", text).split())[:200]
    error = f"HTTP {head.status} {head.reason}: {detail}".strip(": ")
    return Failed(ChatFailure.HTTP_STATUS, error)
