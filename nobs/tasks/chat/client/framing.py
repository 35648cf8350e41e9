"""Minimal HTTP/1.1 parser: end of the head, end of the body, bytes of the body.

No library serves both callers: the connection, which may only look for the end while the clock
runs, and the parser after the stream, which needs the stamp of each body byte. Supports only what
streamed answers use.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

MAX_HEAD_BYTES = 65_536
MAX_LINE_BYTES = 16_384
_HEX = re.compile(rb"[0-9A-Fa-f]{1,15}")
_STATUS_LINE = re.compile(r"HTTP/1\.([01]) (\d{3})(?: (.*))?")
_HEAD_END = b"\r\n\r\n"
_LINE_END = b"\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


class MalformedResponse(ValueError):
    """The bytes aren't an HTTP/1.1 response."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """Status line and headers of the final response."""

    status: int
    reason: str
    headers: Mapping[str, str]
    """Names in lower case; the last of repeated headers wins."""
    size: int
    """Bytes up to and with the blank line, interim (1xx) responses included."""
    keeps_alive: bool

    @property
    def content_type(self) -> str:
        """Return the media type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_chunked(self) -> bool:
        """Return whether the body comes in chunks."""
        return "chunked" in self.headers.get("transfer-encoding", "").lower()

    @property
    def ends_by_close(self) -> bool:
        """Return whether the body has no other end than the connection's."""
        return not self.is_chunked and "content-length" not in self.headers


def parse_head(data: bytes) -> Head | None:
    """Return the head at the start of `data`, None while it is incomplete."""
    start = 0
    while (end := data.find(_HEAD_END, start)) >= 0:
        size = end + len(_HEAD_END)
        head = _read_head(data[start:end].decode("latin-1"), size)
        if head.status >= 200:
            return head
        start = size
    if len(data) - start > MAX_HEAD_BYTES or not _may_be_head(data[start:]):
        raise MalformedResponse(f"not an HTTP response: {data[start : start + 60]!r}")
    return None


def _may_be_head(data: bytes) -> bool:
    """Return whether `data` begins as a status line does, as far as it goes."""
    return data[:5] == b"HTTP/"[: len(data)]


def _read_head(text: str, size: int) -> Head:
    first, *lines = text.split("\r\n")
    match = _STATUS_LINE.fullmatch(first)
    if match is None:
        raise MalformedResponse(f"not an HTTP/1.1 status line: {first[:60]!r}")
    headers = dict(_read_header(line) for line in lines)
    minor, status, reason = match.groups()
    wish = headers.get("connection", "").lower()
    keeps_alive = "close" not in wish and (minor == "1" or "keep-alive" in wish)
    return Head(
        status=int(status),
        reason=reason or "",
        headers=headers,
        size=size,
        keeps_alive=keeps_alive,
    )


def _read_header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise MalformedResponse(f"not a header: {line[:60]!r}")
    return name.strip().lower(), value.strip()


class Body(Protocol):
    """Takes the bytes after the head, split anywhere, and knows when the body has ended."""

    ended: bool
    has_surplus: bool
    """Whether more bytes arrived than the response may have."""

    def feed(self, data: bytes) -> bytes:
        """Return the bytes of `data` that are body, without their framing."""


class Scan(Protocol):
    """As Body, but only finds the end."""

    has_surplus: bool

    def feed(self, data: bytes) -> bool:
        """Take `data`, split anywhere; return whether the body has ended."""


def body_of(head: Head) -> Body:
    """Return how the body after `head` is framed."""
    if head.is_chunked:
        return ChunkedBody()
    if head.ends_by_close:
        return UnendedBody()
    length = head.headers["content-length"]
    if not length.isdecimal():
        raise MalformedResponse(f"content-length is {length[:60]!r}")
    return SizedBody(int(length))


class UnendedBody:
    """Ends when the connection does."""

    ended = False
    has_surplus = False

    def feed(self, data: bytes) -> bytes:
        """Return all of `data`."""
        return data


class SizedBody:
    """Ends after Content-Length bytes."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.ended = length == 0
        self.has_surplus = False

    def feed(self, data: bytes) -> bytes:
        """Return `data` up to the announced length."""
        body = data[: self._left]
        self._left -= len(body)
        self.ended = self._left == 0
        self.has_surplus |= len(body) < len(data)
        return body


class _Expect(Enum):
    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILER = auto()


class ChunkedBody:
    """Ends with a chunk of size 0 and its trailers."""

    def __init__(self) -> None:
        self.ended = False
        self.has_surplus = False
        self._expect = _Expect.SIZE
        self._left = 0
        self._line = b""

    def feed(self, data: bytes) -> bytes:
        """Return the chunks' bytes in `data`."""
        data, self._line = self._line + data, b""
        pieces: list[bytes] = []
        position = 0
        while position < len(data) and not self.ended:
            if self._expect is _Expect.DATA:
                piece = data[position : position + self._left]
                position += len(piece)
                self._take(piece, pieces)
                continue
            end = data.find(_LINE_END, position)
            if end < 0:
                self._keep_line(data[position:])
                return b"".join(pieces)
            self._read_line(data[position:end])
            position = end + len(_LINE_END)
        self.has_surplus |= position < len(data)
        return b"".join(pieces)

    def _take(self, piece: bytes, pieces: list[bytes]) -> None:
        pieces.append(piece)
        self._left -= len(piece)
        if not self._left:
            self._expect = _Expect.DATA_END

    def _keep_line(self, line: bytes) -> None:
        if len(line) > MAX_LINE_BYTES:
            raise MalformedResponse(f"a chunk's size line has no end: {line[:60]!r}")
        self._line = line

    def _read_line(self, line: bytes) -> None:
        if self._expect is _Expect.SIZE:
            self._read_size(line)
        elif self._expect is _Expect.TRAILER:
            self.ended = not line
        elif line:
            raise MalformedResponse(f"a chunk is longer than its size: {line[:60]!r}")
        else:
            self._expect = _Expect.SIZE

    def _read_size(self, line: bytes) -> None:
        digits = line.partition(b";")[0].strip()
        if _HEX.fullmatch(digits) is None:
            raise MalformedResponse(f"not a chunk's size: {line[:60]!r}")
        self._left = int(digits, 16)
        self._expect = _Expect.DATA if self._left else _Expect.TRAILER


class ChunkScan:
    """Finds the end of a chunked body while the clock runs, in under a microsecond per read.

    Steps from size to size; from the first line that isn't a plain positive size on, the full
    parser is used. Parsing at the end instead would delay the stamps of other streams.
    """

    def __init__(self) -> None:
        self.has_surplus = False
        self._to_skip = 0
        self._line = b""
        self._rest: ChunkedBody | None = None

    def feed(self, data: bytes) -> bool:
        """Take `data`, return whether it ends the body; raise MalformedResponse on what isn't."""
        if self._rest is not None:
            return self._feed_rest(self._rest, data)
        if self._line:
            data, self._line = self._line + data, b""
        position, length = self._to_skip, len(data)
        while position < length:
            end = data.find(_LINE_END, position)
            try:
                size = int(data[position:end], 16) if end > position else 0
            except ValueError:
                size = 0
            if size <= 0:
                return self._leave_plain(data[position:], is_whole_line=end >= 0)
            position = end + size + 4
        self._to_skip = position - length
        return False

    def _leave_plain(self, data: bytes, *, is_whole_line: bool) -> bool:
        if data == _LAST_CHUNK:
            return True
        self._to_skip = 0
        if is_whole_line or len(data) > MAX_LINE_BYTES:
            self._rest = ChunkedBody()
            return self._feed_rest(self._rest, data)
        self._line = data
        return False

    def _feed_rest(self, rest: ChunkedBody, data: bytes) -> bool:
        rest.feed(data)
        self.has_surplus = rest.has_surplus
        return rest.ended


class BodyScan:
    """Finds the end of a body that isn't chunked."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self.has_surplus = False

    def feed(self, data: bytes) -> bool:
        """Take `data`; return whether the body has ended."""
        self._body.feed(data)
        self.has_surplus = self._body.has_surplus
        return self._body.ended


def scan_of(head: Head) -> Scan:
    """Return what finds the end of the body after `head`."""
    body = body_of(head)
    return ChunkScan() if isinstance(body, ChunkedBody) else BodyScan(body)
