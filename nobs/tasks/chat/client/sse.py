"""Parse server-sent events from stamped reads, after the stream ended."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_EVENT_BYTES = 10_000_000
DONE = "[DONE]"
_BEGINNINGS = (b"data: {", b"data:{", b"data: [DONE]", b"data:[DONE]")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"

type Read = tuple[int, bytes]
"""The stamp of a network read in ns of `time.perf_counter_ns`, and what it returned."""


class MalformedStream(ValueError):
    """The stream isn't one of server-sent events in UTF-8."""


class EventTooLarge(ValueError):
    """An event is larger than `MAX_EVENT_BYTES`."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event, with the stamp of the read that completed it."""

    stamp_ns: int
    data: str
    name: str = ""


def parse_events(reads: Iterable[Read]) -> Iterator[Event]:
    """Yield the events of a body; comments and fields other than `data` and `event` are skipped.

    Differs from the WHATWG algorithm in two points, because servers omit blank lines: an event with
    a complete last line counts even if the stream ends without a blank line, and a line that begins
    another JSON object or is the end mark begins another event.
    """
    pending = _Pending()
    stamp_ns = 0
    for stamp_ns, line in _lines(reads):
        if line:
            if pending.is_whole_before(line) and (event := pending.dispatch()) is not None:
                yield event
            pending.take(line, stamp_ns)
        elif (event := pending.dispatch(stamp_ns)) is not None:
            yield event
    if (event := pending.dispatch()) is not None:
        yield event


class _Pending:
    """The lines of an event before its blank line."""

    def __init__(self) -> None:
        self._data: list[str] = []
        self._name = ""
        self._size = 0
        self._stamp_ns = 0

    def is_whole_before(self, line: bytes) -> bool:
        """Return whether `line` begins another event, though no blank line came."""
        if not self._data or not line.startswith(_BEGINNINGS) or self._data[-1][-1:] != "}":
            return False
        try:
            json.loads("\n".join(self._data))
        except (ValueError, RecursionError):
            return False
        return True

    def take(self, line: bytes, stamp_ns: int) -> None:
        """Add one line without its end, with the stamp of the read that completed it."""
        self._stamp_ns = stamp_ns
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._size += len(value)
            _check_size(self._size)
            self._data.append(_decode(value))
        elif field == b"event":
            self._name = _decode(value)

    def dispatch(self, stamp_ns: int | None = None) -> Event | None:
        """Return the event and start the next; None where no line held data.

        Without a blank line, and so without its stamp, the last line completed it.
        """
        stamp_ns = self._stamp_ns if stamp_ns is None else stamp_ns
        data, name = self._data, self._name
        self._data, self._name, self._size = [], "", 0
        return Event(stamp_ns, "\n".join(data), name) if data else None


def _lines(reads: Iterable[Read]) -> Iterator[tuple[int, bytes]]:
    """Yield lines without their ends (CRLF, LF or CR), each with its completing stamp."""
    parts: list[bytes] = []
    size = 0
    is_first = True
    after_cr = False
    stamp_ns = 0
    for stamp_ns, data in reads:
        if not data:
            continue
        body = data[1:] if after_cr and data.startswith(b"\n") else data
        after_cr = data.endswith(b"\r")
        *ended, rest = _LINE_END.split(body)
        for piece in ended:
            line = b"".join([*parts, piece])
            parts, size = [], 0
            yield stamp_ns, line.removeprefix(_BOM) if is_first else line
            is_first = False
        parts.append(rest)
        size += len(rest)
        _check_size(size)
    # A last line without its end may be half a line: only the end mark is known to be whole.
    if b"".join(parts).replace(b" ", b"") == b"data:[DONE]":
        yield stamp_ns, b"".join(parts)


def _check_size(size: int) -> None:
    if size > MAX_EVENT_BYTES:
        raise EventTooLarge(f"an event has more than {MAX_EVENT_BYTES / 1e6:.0f} MB")


def _decode(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise MalformedStream(f"an event isn't UTF-8: {error}") from error
