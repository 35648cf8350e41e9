"""One HTTP/1.1 connection that stamps every read and parses nothing it can put off."""

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum, auto
from pathlib import Path

from nobs.errors import HostApiError
from nobs.tasks.llms.framing import MalformedResponse, Scan, UnendedBody, parse_head, scan_of


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Every wait has a deadline, every answer a size."""

    connect_s: float = 10.0
    first_byte_s: float = 300.0
    """From the request to the first byte of the response."""
    idle_s: float = 300.0
    """Between two reads; long because some servers send the head before they read the prompt."""
    total_s: float = 1800.0
    max_bytes: int = 256_000_000


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where to connect to."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    unix_socket: Path | None = None
    """Leads to the server in place of host and port, which still name it."""

    def __str__(self) -> str:
        return str(self.unix_socket or f"{self.host}:{self.port}")


class End(StrEnum):
    """How an exchange ended; only the first is good in any case."""

    COMPLETE = auto()
    CLOSED = auto()
    FIRST_BYTE_TIMEOUT = auto()
    IDLE_TIMEOUT = auto()
    TOTAL_TIMEOUT = auto()
    TOO_LARGE = auto()
    MALFORMED = auto()


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request's response as it came: raw reads and their stamps, in `perf_counter_ns`."""

    sent_ns: int
    """When the first byte of the request was handed to the socket."""
    stamps: list[int]
    chunks: list[bytes] = field(repr=False)
    ended_ns: int
    end: End


class ConnectFailed(HostApiError):
    """No connection could be opened."""

    def __init__(self, address: Address, reason: str, *, timed_out: bool) -> None:
        super().__init__(
            f"can't connect to {address}: {reason}.", "Start the server, or correct its URL."
        )
        self.timed_out = timed_out


class Connection:
    """A connection that is opened before the clock starts and kept for the next request."""

    def __init__(self, address: Address, limits: Limits | None = None) -> None:
        self._address = address
        self._limits = limits or Limits()
        self._wire: _Wire | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether the next request needs no connecting."""
        return self._wire is not None and self._wire.is_reusable

    async def open(self) -> None:
        """Connect unless a usable connection is there; raise ConnectFailed."""
        # A close that has already arrived is seen now, not in the timed region: one turn of the
        # loop polls the socket, the next one comes after its callback.
        for _ in range(2):
            await asyncio.sleep(0)
        if self.is_open:
            return
        self.close()
        self._wire = await self._connect()

    async def _connect(self) -> "_Wire":
        address = self._address
        try:
            async with asyncio.timeout(self._limits.connect_s):
                return await _wire_to(address, self._limits)
        except TimeoutError as error:
            reason = f"no answer in {self._limits.connect_s:g} s"
            raise ConnectFailed(address, reason, timed_out=True) from error
        except OSError as error:
            raise ConnectFailed(address, str(error), timed_out=False) from error

    async def exchange(self, request: bytes) -> Exchange:
        """Send `request` once and return its response; the clock runs only in here."""
        await self.open()
        wire = self._wire
        assert wire is not None  # noqa: S101 -- just opened
        try:
            return await wire.exchange(request)
        finally:
            if not wire.is_reusable:
                self.close()

    def close(self) -> None:
        """Drop the connection."""
        if self._wire is not None:
            self._wire.abort()
            self._wire = None


async def _wire_to(address: Address, limits: Limits) -> "_Wire":
    loop = asyncio.get_running_loop()

    def wire() -> _Wire:
        return _Wire(limits, loop)

    if address.unix_socket is None:
        _, connected = await loop.create_connection(
            wire, address.host, address.port, ssl=address.tls
        )
        return connected
    path, name = str(address.unix_socket), address.host if address.tls else None
    _, connected = await loop.create_unix_connection(
        wire, path, ssl=address.tls, server_hostname=name
    )
    return connected


class _Wire(asyncio.Protocol):
    """Stamps reads; between them only looks whether the response has ended."""

    def __init__(self, limits: Limits, loop: asyncio.AbstractEventLoop) -> None:
        self._limits = limits
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._stamps: list[int] = []
        self._chunks: list[bytes] = []
        self._done: asyncio.Future[End] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._look: Callable[[bytes], None] = self._look_for_head
        self._body: Scan | None = None
        self._left = limits.max_bytes
        self._keeps_alive = False
        self._sent_ns = self._ended_ns = 0
        self.is_reusable = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- TCP and TLS are
        self._transport = transport
        self.is_reusable = True

    def data_received(self, data: bytes) -> None:
        """Stamp, keep, and look for the end."""
        self._stamps.append(time.perf_counter_ns())
        self._chunks.append(data)
        self._left -= len(data)
        if self._left < 0:
            self._finish(End.TOO_LARGE)
        else:
            self._look(data)

    def eof_received(self) -> None:
        """Note that the peer closes; the transport does the same by itself."""
        self.is_reusable = False

    def connection_lost(self, exc: Exception | None) -> None:
        """End the exchange that is under way."""
        self.is_reusable = False
        self._finish(End.CLOSED if exc or not self._ends_by_close() else End.COMPLETE)

    async def exchange(self, request: bytes) -> Exchange:
        """Send `request` and wait for the end of its response."""
        transport = self._begin()
        assert self._done is not None  # noqa: S101 -- just made
        self._sent_ns = time.perf_counter_ns()
        transport.write(request)
        try:
            end = await self._done
        finally:
            self._stop()
        return Exchange(
            sent_ns=self._sent_ns,
            stamps=self._stamps,
            chunks=self._chunks,
            ended_ns=self._ended_ns,
            end=end,
        )

    def abort(self) -> None:
        """Close at once, without waiting for the peer."""
        self.is_reusable = False
        if self._transport is not None:
            self._transport.abort()

    def _begin(self) -> asyncio.Transport:
        assert self._transport is not None  # noqa: S101 -- connected
        self._stamps, self._chunks = [], []
        self._look, self._body = self._look_for_head, None
        self._left = self._limits.max_bytes
        self._done = self._loop.create_future()
        self.is_reusable = False
        self._sent_ns = time.perf_counter_ns()
        self._wake_after(self._limits.first_byte_s)
        return self._transport

    def _stop(self) -> None:
        """Leave nothing under way, also when the caller was cancelled."""
        if self._timer is not None:
            self._timer.cancel()
        self._done = None
        if not self.is_reusable:
            self.abort()

    def _finish(self, end: End) -> None:
        if self._done is None or self._done.done():
            self.is_reusable = False  # bytes that nobody asked for
            return
        self._ended_ns = self._stamps[-1] if end is End.COMPLETE else time.perf_counter_ns()
        self._done.set_result(end)

    def _look_for_head(self, _data: bytes) -> None:
        """Wait for the blank line; servers send it in one read, so joining is cheap."""
        head_bytes = b"".join(self._chunks)
        try:
            head = parse_head(head_bytes)
            if head is None:
                return
            self._body = scan_of(head)
        except MalformedResponse:
            self._finish(End.MALFORMED)
            return
        self._keeps_alive = head.keeps_alive
        self._look = self._feed
        self._feed(head_bytes[head.size :])

    def _feed(self, data: bytes) -> None:
        assert self._body is not None  # noqa: S101 -- the head was read
        try:
            self._body.feed(data)
        except MalformedResponse:
            self._finish(End.MALFORMED)
            return
        if self._body.ended:
            self.is_reusable = self._keeps_alive and not self._body.has_surplus
            self._look = self._look_at_surplus
            self._finish(End.COMPLETE)

    def _look_at_surplus(self, _data: bytes) -> None:
        self.is_reusable = False

    def _ends_by_close(self) -> bool:
        """Tell whether the response has no other end than the close."""
        return isinstance(self._body, UnendedBody)

    def _wake_after(self, wait_s: float) -> None:
        """Look at the deadlines then; never later than a pause from now could be too long."""
        limits = self._limits
        wait_s = min(wait_s, limits.idle_s, limits.total_s)
        self._timer = self._loop.call_later(wait_s, self._check_deadlines)

    def _check_deadlines(self) -> None:
        """Compare the stamps with the deadlines: reads never touch the timer."""
        now_ns = time.perf_counter_ns()
        wait_s = self._next_deadline_s(now_ns)
        if wait_s > 0:
            self._wake_after(wait_s)
        elif now_ns - self._sent_ns >= self._limits.total_s * 1e9:
            self._finish(End.TOTAL_TIMEOUT)
        else:
            self._finish(End.IDLE_TIMEOUT if self._stamps else End.FIRST_BYTE_TIMEOUT)

    def _next_deadline_s(self, now_ns: int) -> float:
        """Return the seconds until the next deadline, 0 or less when it is over."""
        limits = self._limits
        total_s = limits.total_s - (now_ns - self._sent_ns) / 1e9
        since_ns = self._stamps[-1] if self._stamps else self._sent_ns
        pause_s = limits.idle_s if self._stamps else limits.first_byte_s
        return min(total_s, pause_s - (now_ns - since_ns) / 1e9)
