"""State shared by the exchanges of an event loop, so that none delays the stamps of others."""

import asyncio
import gc
import threading
import time
from collections import deque
from weakref import WeakKeyDictionary

BUFFER_BYTES = 262_144
MAX_HOLD_NS = 5_000_000

type Waiter = asyncio.Future[None]


class _CollectorPause:
    """Keeps the garbage collector, which all threads share, off while any exchange runs.

    Else it would stop the event loop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0
        self._has_paused = False

    def __enter__(self) -> None:
        with self._lock:
            if not self._running:
                self._has_paused = gc.isenabled()
                gc.disable()
            self._running += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._running -= 1
            if not self._running and self._has_paused:
                gc.enable()


collector_pause = _CollectorPause()


class Traffic:
    """The read buffer and the queue of ended answers."""

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
        self.reads = 0
        """Counted up by every read."""
        self._ended: deque[tuple[int, Waiter]] = deque()

    def hand_over(self, waiter: Waiter) -> None:
        """Wake `waiter` when no read is pending: its work would delay their stamps.

        Under continuous load it is woken after `MAX_HOLD_NS`.
        """
        self._ended.append((time.perf_counter_ns(), waiter))
        if len(self._ended) == 1:
            self._wake_first(-1)

    def _wake_first(self, reads_before: int) -> None:
        """Wake the first waiter if the last turn of the loop had no read."""
        since_ns, waiter = self._ended[0]
        is_late = time.perf_counter_ns() - since_ns > MAX_HOLD_NS
        if self.reads == reads_before or is_late:
            self._ended.popleft()
            if not waiter.done():
                waiter.set_result(None)
        if self._ended:
            waiter.get_loop().call_soon(self._wake_first, self.reads)


_traffics: WeakKeyDictionary[asyncio.AbstractEventLoop, Traffic] = WeakKeyDictionary()


def traffic_of(loop: asyncio.AbstractEventLoop) -> Traffic:
    """Return the shared state of the exchanges on `loop`."""
    if loop not in _traffics:
        _traffics[loop] = Traffic()
    return _traffics[loop]
