"""Measure the load levels of one served model."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nobs.log import get_logger
from nobs.providers.chat import ChatRequest
from nobs.tasks.chat.client.record import ChatRecord
from nobs.tasks.chat.levels import RATE_SECONDS, Level, levels_of, requests_of, sweep_levels
from nobs.tasks.chat.load import SentLevel, Timing, send_level
from nobs.tasks.chat.load_figures import grew, knee_of, level_figures
from nobs.tasks.chat.load_report import LoadLevel, LoadTable, PromiseAnswer
from nobs.tasks.chat.params import LoadParams
from nobs.tasks.chat.promise import Promise
from nobs.tasks.chat.promise_answer import search_promise, with_promise
from nobs.tasks.chat.search import Axis
from nobs.tasks.chat.server_watch import ServerWatch
from nobs.tasks.chat.steady import requests_for

type MakeRequests = Callable[[int], Sequence[ChatRequest]]
"""Makes a number of requests with unique prefixes."""
type CheckRecord = Callable[[ChatRecord], ChatRecord]
"""Checks an answer; raises if it is from another model than requested."""
SETTLING = 3.0
"""Answers one after the other in the time that a load needs to settle."""
log = get_logger()


def finish_level(
    name: str, level: Level, sent: SentLevel, records: Sequence[ChatRecord]
) -> LoadLevel:
    """Return the figures of a level, and report it to the progress as `name`."""
    seen = {"client": sent.client, "ended_early": sent.ended_early}
    figures = level_figures(level, records).model_copy(update=seen)
    rate = figures.tokens_per_sec
    log.info(
        "part.finished", part=name, duration_s=figures.duration_s, unit="tokens",
        units=None if rate is None else rate * figures.duration_s,
    )  # fmt: skip
    return figures


@dataclass(kw_only=True)
class LoadMeter:
    """Measures the levels of `params` sequentially."""

    loop: asyncio.Runner
    watch: ServerWatch
    params: LoadParams
    make: MakeRequests
    check: CheckRecord
    latency_s: float = 0.0
    """The longest time of an answer on an otherwise idle server, if known."""
    level_s: float = RATE_SECONDS
    """Minimum duration of the arrivals of a rate, if there is a promise."""
    _levels: list[LoadLevel] = field(default_factory=list, init=False)

    def measure(self, prompts: int) -> LoadTable:
        """Measure all fixed levels, then those of the sweep and of the search if requested."""
        params = self.params
        for level in levels_of(params):
            self._measure(level, prompts)
        swept = self._sweep(prompts) if params.sweep else []
        return LoadTable(
            promise=self._search(prompts, params.slo) if params.slo else None,
            levels=tuple(self._levels),
            arrivals=params.arrivals,
            seed=params.seed,
            knee=knee_of(swept),
        )

    def _search(self, prompts: int, promise: Promise) -> PromiseAnswer:
        axis = Axis.RATE if self.params.rates_per_s else Axis.CONCURRENCY
        return search_promise(
            self._levels, promise, axis, lambda level: self._measure(level, prompts)
        )

    def _sweep(self, prompts: int) -> list[LoadLevel]:
        swept: list[LoadLevel] = []
        for level in sweep_levels():
            swept.append(self._measure(level, prompts))
            if not grew(swept):
                break
        return swept

    def _measure(self, level: Level, prompts: int) -> LoadLevel:
        requests = self.make(self._count(level, prompts))
        seed = self.params.seed + (len(self._levels) if self.params.slo else 0)
        params = self.params.model_copy(update={"seed": seed})
        timing = Timing(settle_s=self._settle_s)
        with self.watch.window() as window:
            sent = self.loop.run(send_level(level, self.watch.connection, requests, params, timing))
        records = [self.check(record) for record in sent.records]
        figures = finish_level(f"load, {level}", level, sent, records)
        figures = figures.model_copy(update={"server": window.figures()})
        if params.slo is not None:
            figures = with_promise(figures, records, params.slo, self._settle_s)
        self._levels.append(figures)
        return figures

    @property
    def _settle_s(self) -> float:
        return SETTLING * self.latency_s

    def _count(self, level: Level, prompts: int) -> int:
        if self.params.slo is None:
            return requests_of(level, prompts)
        return requests_for(
            level, self.params.slo.share, prompts, settle_s=self._settle_s, level_s=self.level_s
        )
