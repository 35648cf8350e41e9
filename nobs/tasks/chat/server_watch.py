"""Watch a server's own figures at 1 Hz, in a thread, while requests are measured."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import fmean

from nobs.schema.server import Connection
from nobs.tasks.chat.client.exchange import Limits
from nobs.tasks.chat.metrics import Values
from nobs.tasks.chat.metrics_source import LIMITS, MetricsSource, NoMetrics
from nobs.tasks.chat.server_report import ServerMetrics, ServerWindow

PERIOD_S = 1.0
MAX_PAUSE_S = 30.0
MAX_DUTY = 0.05
"""Share of the time that reads may take: a slow server is read less often."""
MAX_FAILURES = 5
"""Failed reads in a row after which a window has no more of them."""
SETTLE_S = 0.2
MAX_SETTLE = 5
"""Most reads before and after a window until no request runs and two reads agree: servers update
their metrics late."""


@dataclass(kw_only=True)
class Window:
    """The reads of one window; complete once the window was left."""

    before: list[Values] = field(default_factory=list)
    during: list[Values] = field(default_factory=list)
    after: list[Values] = field(default_factory=list)
    failed: int = 0

    def figures(self) -> ServerWindow | None:
        """Return the figures of the window; None without metrics."""
        if not self.before:
            return None
        running, waiting, usage = (
            [read.values[name] for read in self.during if name in read.values]
            for name in ("running", "waiting", "kv_usage")
        )
        before = self.before[-1].values.get("running")
        counts = {
            name: self._count(name)
            for name in ("preemptions", "cached_tokens", "output_tokens", "requests")
        }
        return ServerWindow(
            reads=len(self.before) + len(self.during) + len(self.after),
            failed_reads=self.failed,
            running_before=None if before is None else round(before),
            running_mean=fmean(running) if running else None,
            running_max=_most(running),
            waiting_mean=fmean(waiting) if waiting else None,
            waiting_max=_most(waiting),
            kv_usage_max=max(usage, default=None),
            **counts,
        )

    def _count(self, name: str) -> int | None:
        """Return how much a counter grew; None if it is missing or was reset by a restart."""
        ends = [self.before[-1].values.get(name), *(r.values.get(name) for r in self.after[-1:])]
        if len(ends) < 2 or ends[0] is None or ends[1] is None or ends[1] < ends[0]:
            return None
        return round(ends[1] - ends[0])


class ServerWatch:
    """Reads the metrics of one server in windows, one at a time."""

    def __init__(
        self, connection: Connection, model: str, *, period_s: float = PERIOD_S,
        limits: Limits = LIMITS,
    ) -> None:  # fmt: skip
        self.connection = connection
        self._model = model
        self._period_s = period_s
        self._limits = limits
        self._kind: str | None = None
        self._absent = ""

    @contextmanager
    def window(self) -> Iterator[Window]:
        """Read before, during and after the block; a server without metrics is asked only once."""
        window = Window()
        if self._absent:
            yield window
            return
        poll = _Poll(MetricsSource(self.connection, self._model, self._limits), window)
        thread = threading.Thread(target=poll.run, args=(self._period_s,), daemon=True)
        thread.start()
        poll.begun.wait()
        if self._kind is None and not window.before:
            self._absent = poll.error
        elif window.before:
            self._kind = window.before[0].kind
        try:
            yield window
        finally:
            poll.left.set()
            thread.join()

    def report(self, repeats: ServerWindow | None) -> ServerMetrics:
        """Return what the server publishes, with the figures of the repeats."""
        return ServerMetrics(kind=self._kind, absent=self._absent, repeats=repeats)


def next_pause_s(period_s: float, took_s: float) -> float:
    """Return the pause after a read that took `took_s`: longer where reads are slow."""
    return min(max(period_s - took_s, took_s / MAX_DUTY), MAX_PAUSE_S)


class _Poll:
    """The reads of a window, in a thread with an event loop of its own."""

    def __init__(self, source: MetricsSource, window: Window) -> None:
        self._source = source
        self._window = window
        self._in_a_row = 0
        self.begun = threading.Event()
        self.left = threading.Event()
        self.error = ""

    def run(self, period_s: float) -> None:
        """Read until `left` is set, then until the server is idle."""
        with asyncio.Runner() as runner:
            try:
                self._settle(runner, self._window.before)
                self.begun.set()
                if self._window.before:
                    self._follow(runner, period_s)
                    self._settle(runner, self._window.after)
            finally:
                self.begun.set()
                self._source.close()

    def _follow(self, runner: asyncio.Runner, period_s: float) -> None:
        pause_s = period_s
        while self._in_a_row < MAX_FAILURES and not self.left.wait(pause_s):
            start_s = time.perf_counter()
            self._read(runner, self._window.during)
            pause_s = next_pause_s(period_s, time.perf_counter() - start_s)
        self.left.wait()

    def _settle(self, runner: asyncio.Runner, reads: list[Values]) -> None:
        for number in range(MAX_SETTLE):
            if number:
                time.sleep(SETTLE_S)
            if not self._read(runner, reads) or _has_settled(reads):
                return

    def _read(self, runner: asyncio.Runner, reads: list[Values]) -> bool:
        try:
            reads.append(runner.run(self._source.read()))
        except NoMetrics as error:
            self.error = str(error)
            self._window.failed += 1
            self._in_a_row += 1
            return False
        self._in_a_row = 0
        return True


def _has_settled(reads: Sequence[Values]) -> bool:
    """Return whether no request runs and the last two reads agree."""
    last = reads[-1].values
    return not (last.get("running") or last.get("waiting")) and reads[-1] in reads[-2:-1]


def _most(values: Sequence[float]) -> int | None:
    return round(max(values)) if values else None
