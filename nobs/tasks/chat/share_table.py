"""Measure one client's share of the load levels of a server, each from its agreed start."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from nobs.errors import UsageError
from nobs.providers.chat import ChatRequest
from nobs.schema.server import Connection
from nobs.schema.share import Share
from nobs.tasks.chat.levels import Level, count_of, levels_of, part_of, times_of
from nobs.tasks.chat.load import SentLevel, Timing, send_level
from nobs.tasks.chat.load_figures import level_figures
from nobs.tasks.chat.load_report import LoadLevel, LoadTable
from nobs.tasks.chat.load_table import CheckRecord, MakeRequests, finish_level
from nobs.tasks.chat.metrics_source import read_server_start
from nobs.tasks.chat.params import LoadParams
from nobs.tasks.chat.raw import pack
from nobs.tasks.chat.sending import MissedStart
from nobs.tasks.chat.server_clock import read_server_clock
from nobs.tasks.chat.server_watch import ServerWatch, Window
from nobs.tasks.chat.share_report import LoadShare, RawRequests

OPEN_S = 2.0
"""Connections are opened this long before a start: servers close idle ones."""
WATCHING = 0
"""The client that reads the server's own figures: reads by all would be a load of their own. It has
the largest part of every level."""
WATCH_S = 5.0
"""The first reads begin so long before the connections are opened."""
MAX_REQUESTS = 30_000
"""Of one client in all levels: reports with more than 400,000 values aren't read."""


@dataclass(kw_only=True)
class ShareMeter:
    """Measures this client's part of the fixed levels of `params`."""

    loop: asyncio.Runner
    connection: Connection
    params: LoadParams
    share: Share
    make: MakeRequests
    check: CheckRecord
    settle_s: float = 0.0
    """As of the guard."""
    watch: ServerWatch | None = None
    """Of the server's own figures, in one client."""
    _levels: list[LoadLevel] = field(default_factory=list, init=False)
    _raw: list[RawRequests] = field(default_factory=list, init=False)

    def measure(self, prompts: int) -> LoadTable:
        """Measure all levels; UsageError for a missed start, or for too many requests."""
        count = sum(count_of(self.share, whole, prompts) for whole in levels_of(self.params))
        if count > MAX_REQUESTS:
            raise UsageError(
                f"Share {self.share} has {count:,} requests; a report holds {MAX_REQUESTS:,}.",
                "Use more clients, or fewer or smaller load levels.",
            )
        clock = self.loop.run(read_server_clock(self.connection))
        started_s = self.loop.run(read_server_start(self.connection))
        before_s = _wall_s()
        for number, whole in enumerate(levels_of(self.params)):
            self._measure(number, whole, prompts)
        return LoadTable(
            levels=tuple(self._levels), arrivals=self.params.arrivals, seed=self.params.seed,
            knee=None,
            share=LoadShare(
                share=self.share, clock=clock, server_started_s=started_s,
                clock_step_s=_wall_s() - before_s, raw=tuple(self._raw),
            ),
        )  # fmt: skip

    def _measure(self, number: int, whole: Level, prompts: int) -> None:
        level, count = part_of(self.share, whole), count_of(self.share, whole, prompts)
        requests = self.make(count)
        if not requests:
            self._wait(number)
            self._levels.append(level_figures(level, []))
            self._raw.append(RawRequests())
            return
        with ExitStack() as stack:
            window: Window | None = None
            if self.watch:
                self._wait(number, WATCH_S)
                window = stack.enter_context(self.watch.window())
            at_s = self._wait(number)
            params = self.params
            arrivals_s = times_of(self.share, whole, prompts, params.arrivals, params.seed)
            timing = Timing(settle_s=self.settle_s, at_s=at_s, arrivals_s=arrivals_s)
            try:
                sent = self.loop.run(self._send(level, requests, timing, window))
            except MissedStart as missed:
                raise UsageError(
                    f"{self._begin_of(number)} {missed.late_s:.1f} s ago: this client's connections"
                    " opened later.",
                    "Use a machine that isn't busy, or more clients with a smaller share each.",
                ) from missed
        records = [self.check(record) for record in sent.records]
        name = f"share {self.share} of load, {whole}"
        figures = finish_level(name, level, sent, records)
        seen = {"server": window.figures() if window else None}
        self._levels.append(figures.model_copy(update=seen))
        self._raw.append(pack(records, round(at_s * 1e9)))

    async def _send(
        self, level: Level, requests: Sequence[ChatRequest], timing: Timing, window: Window | None
    ) -> SentLevel:
        """Send the requests; what the server published before the start is left out."""
        if window is not None and timing.at_s is not None:
            ahead_s = max(0.0, timing.at_s - time.perf_counter())
            asyncio.get_running_loop().call_later(ahead_s, window.during.clear)
        return await send_level(level, self.connection, requests, self.params, timing)

    def _wait(self, number: int, early_s: float = 0.0) -> float:
        """Wait until connections may be opened, or `early_s` before; return the start.

        It is on the monotonic clock.
        """
        at_s = self.share.start_of(number).timestamp() - _wall_s()
        late_s = time.perf_counter() - at_s
        if late_s > 0:
            raise self._missed(number, late_s)
        time.sleep(max(0.0, -late_s - OPEN_S - early_s))
        return at_s

    def _missed(self, number: int, late_s: float) -> UsageError:
        what = f"{self._begin_of(number)} {late_s:.1f} s ago"
        if number:
            return UsageError(
                f"{what}: the level before took longer than --slot {self.share.slot_s:g}s.",
                "Give all clients a longer --slot, and start them again.",
            )
        return UsageError(
            f"{what}: the repeats before it ended too late.",
            "Give all clients a later --start-at, or fewer repeats (--repeats 1), and start them"
            " again.",
        )

    def _begin_of(self, number: int) -> str:
        start = self.share.start_of(number)
        return f"Load level {number + 1} was to start at {start:%H:%M:%S} UTC,"


def own_rows[T](rows: Sequence[T], share: Share | None) -> Sequence[T]:
    """Return every N-th row from the client's own on, so that clients send different prompts."""
    return (rows[share.index :: share.count] or rows) if share else rows


def _wall_s() -> float:
    """Return the wall clock minus the monotonic one."""
    return time.time() - time.perf_counter()
