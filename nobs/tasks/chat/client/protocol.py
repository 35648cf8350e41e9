"""The asyncio protocol of a connection: stamps reads and defers all parsing."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

from nobs.tasks.chat.client.arrival import ArrivalSocket
from nobs.tasks.chat.client.exchange import End, Exchange, Limits
from nobs.tasks.chat.client.framing import MalformedResponse, Scan, parse_head, scan_of
from nobs.tasks.chat.client.traffic import collector_pause, traffic_of

now_ns = time.perf_counter_ns


class Wire(asyncio.BufferedProtocol):
    """Stamps reads; only checks whether the response has ended."""

    def __init__(
        self,
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        sock: ArrivalSocket | None = None,
    ) -> None:
        self._limits = limits
        self._loop = loop
        self._sock = sock
        self._traffic = traffic_of(loop)
        self._buffer = self._traffic.buffer
        self._transport: asyncio.Transport | None = None
        self._stamps: list[int] = []
        self._chunks: list[bytes] = []
        self._done: asyncio.Future[None] | None = None
        self._end: End | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._has_ended: Callable[[bytes], bool] = self._has_head_ended
        self._scan: Scan | None = None
        self._left = limits.max_bytes
        self._keeps_alive = self._ends_by_close = False
        self._sent_ns = self._ended_ns = 0
        self.is_reusable = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)
        self.is_reusable = True

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the loop's shared buffer; each read is copied before the next."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Stamp and store the read, and check for the end."""
        self._stamps.append(self._arrived_ns())
        data = bytes(self._buffer[:nbytes])
        self._chunks.append(data)
        self._traffic.reads += 1
        self._left -= nbytes
        if self._left < 0:
            self._finish(End.TOO_LARGE)
            return
        try:
            has_ended = self._has_ended(data)
        except MalformedResponse:
            self._finish(End.MALFORMED)
            return
        if has_ended:
            self._finish_whole()

    def _arrived_ns(self) -> int:
        """Return the kernel's arrival time of the bytes if available, else the current time."""
        time_ns = now_ns()
        if self._sock is None or (arrived_ns := self._sock.arrived_ns) is None:
            return time_ns
        # Between the last stamp and now, also when the kernel's clock was set meanwhile.
        last_ns = self._stamps[-1] if self._stamps else self._sent_ns
        return min(max(arrived_ns, last_ns), time_ns)

    def eof_received(self) -> None:
        """Note that the peer closes; the transport does the same by itself."""
        self.is_reusable = False

    def connection_lost(self, exc: Exception | None) -> None:
        """End the current exchange."""
        self.is_reusable = False
        self._finish(End.CLOSED if exc or not self._ends_by_close else End.COMPLETE)

    async def exchange(self, request: bytes) -> Exchange:
        """Send `request` and wait for the end of its response."""
        with collector_pause:
            transport, done = self._begin()
            self._sent_ns = now_ns()
            transport.write(request)
            try:
                await done
                return self._exchanged()
            finally:
                self._stop()

    def abort(self) -> None:
        """Close at once, without waiting for the peer."""
        self.is_reusable = False
        if self._transport is not None:
            self._transport.abort()

    def _begin(self) -> tuple[asyncio.Transport, asyncio.Future[None]]:
        assert self._transport is not None  # noqa: S101 -- connected
        self._has_ended, self._scan = self._has_head_ended, None
        self._ends_by_close = False
        self._left = self._limits.max_bytes
        self._end, self._done = None, self._loop.create_future()
        self.is_reusable = False
        self._sent_ns = now_ns()
        self._wake_after(self._limits.first_byte_s)
        return self._transport, self._done

    def _exchanged(self) -> Exchange:
        assert self._end is not None  # noqa: S101 -- it has ended
        return Exchange(
            sent_ns=self._sent_ns,
            stamps=self._stamps,
            chunks=self._chunks,
            ended_ns=self._ended_ns,
            end=self._end,
        )

    def _stop(self) -> None:
        """Clean up, also if the caller was cancelled."""
        if self._timer is not None:
            self._timer.cancel()
        self._done = None
        self._stamps, self._chunks = [], []
        if not self.is_reusable:
            self.abort()

    def _finish(self, end: End) -> None:
        if self._done is None or self._end is not None:
            self.is_reusable = False  # unexpected bytes
            return
        self._end = end
        self._ended_ns = self._stamps[-1] if end is End.COMPLETE else now_ns()
        self._traffic.hand_over(self._done)

    def _finish_whole(self) -> None:
        assert self._scan is not None  # noqa: S101 -- it has found the end
        self.is_reusable = self._keeps_alive and not self._scan.has_surplus
        self._has_ended = self._has_surplus
        self._finish(End.COMPLETE)

    def _has_head_ended(self, _data: bytes) -> bool:
        """Wait for the blank line; servers send it in one read, so joining is cheap."""
        start = b"".join(self._chunks)
        head = parse_head(start)
        if head is None:
            return False
        self._scan = scan_of(head)
        self._keeps_alive, self._ends_by_close = head.keeps_alive, head.ends_by_close
        self._has_ended = self._scan.feed
        return self._scan.feed(start[head.size :])

    def _has_surplus(self, _data: bytes) -> bool:
        self.is_reusable = False
        return False

    def _wake_after(self, wait_s: float) -> None:
        """Schedule the next check of the deadlines, at most one idle timeout from now."""
        limits = self._limits
        wait_s = min(wait_s, limits.idle_s, limits.total_s)
        self._timer = self._loop.call_later(wait_s, self._check_deadlines)

    def _check_deadlines(self) -> None:
        """Compare the stamps with the deadlines: reads never touch the timer."""
        time_ns = now_ns()
        wait_s = self._next_deadline_s(time_ns)
        if wait_s > 0:
            self._wake_after(wait_s)
        elif time_ns - self._sent_ns >= self._limits.total_s * 1e9:
            self._finish(End.TOTAL_TIMEOUT)
        else:
            self._finish(End.IDLE_TIMEOUT if self._stamps else End.FIRST_BYTE_TIMEOUT)

    def _next_deadline_s(self, time_ns: int) -> float:
        """Return the seconds until the next deadline, 0 or less when it is over."""
        limits = self._limits
        total_s = limits.total_s - (time_ns - self._sent_ns) / 1e9
        since_ns = self._stamps[-1] if self._stamps else self._sent_ns
        pause_s = limits.idle_s if self._stamps else limits.first_byte_s
        return min(total_s, pause_s - (time_ns - since_ns) / 1e9)
