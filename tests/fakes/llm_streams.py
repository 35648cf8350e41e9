"""Responses as bytes, and exchanges made of them."""

import json
from collections.abc import Sequence
from typing import Any

from nobs.tasks.chat.client.exchange import End, Exchange

SENT_NS = 1_000_000_000
MS = 1_000_000


def event(value: dict[str, Any] | str, end: str = "\n") -> bytes:
    """Return `value` as one event."""
    data = value if isinstance(value, str) else json.dumps(value)
    return f"data: {data}{end}{end}".encode()


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return a chunk with `fields` in its delta."""
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def usage(tokens: int, **more: Any) -> dict[str, Any]:
    """Return a usage object."""
    return {"prompt_tokens": 7, "completion_tokens": tokens, **more}


def head(*headers: str, status: str = "200 OK", kind: str = "text/event-stream") -> bytes:
    """Return a response's head."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def chunked(*pieces: bytes) -> bytes:
    """Return `pieces` as chunks, without the last one."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


def exchange(
    *reads: tuple[float, bytes], end: End = End.COMPLETE, opening: bytes | None = None
) -> Exchange:
    """Return an exchange whose body came in `reads`: ms after the request, and bytes."""
    all_reads: Sequence[tuple[float, bytes]] = ((1, opening or head()), *reads)
    stamps = [SENT_NS + int(at_ms * MS) for at_ms, _ in all_reads]
    return Exchange(
        sent_ns=SENT_NS,
        stamps=stamps,
        chunks=[data for _, data in all_reads],
        ended_ns=stamps[-1],
        end=end,
    )
