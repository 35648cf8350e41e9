"""Measure the load levels of one served model."""

import asyncio
from collections.abc import Callable, Sequence

from nobs.log import get_logger
from nobs.schema.server import Connection
from nobs.tasks.chat.client.chat import ChatRequest
from nobs.tasks.chat.client.record import ChatRecord
from nobs.tasks.chat.load import Level, levels_of, requests_of, send_level, sweep_levels
from nobs.tasks.chat.load_figures import grew, knee_of, level_figures
from nobs.tasks.chat.params import LoadParams
from nobs.tasks.chat.report import LoadLevel, LoadTable

type MakeRequests = Callable[[int], Sequence[ChatRequest]]
"""Makes a number of requests with unique prefixes."""
type CheckRecord = Callable[[ChatRecord], ChatRecord]
"""Checks an answer; raises if it is from another model than requested."""
log = get_logger()


class LoadMeter:
    """Measures the levels of `params` sequentially."""

    def __init__(
        self, loop: asyncio.Runner, connection: Connection, params: LoadParams, make: MakeRequests,
        check: CheckRecord,
    ) -> None:  # fmt: skip
        self._loop = loop
        self._connection = connection
        self._params = params
        self._make = make
        self._check = check

    def measure(self, prompts: int) -> LoadTable:
        """Measure all fixed levels, then the sweep if requested."""
        levels = [self._measure(level, prompts) for level in levels_of(self._params)]
        swept = self._sweep(prompts) if self._params.sweep else []
        return LoadTable(
            levels=(*levels, *swept),
            arrivals=self._params.arrivals,
            seed=self._params.seed,
            knee=knee_of(swept),
        )

    def _sweep(self, prompts: int) -> list[LoadLevel]:
        swept: list[LoadLevel] = []
        for level in sweep_levels():
            swept.append(self._measure(level, prompts))
            if not grew(swept):
                break
        return swept

    def _measure(self, level: Level, prompts: int) -> LoadLevel:
        requests = self._make(requests_of(level, prompts))
        sent = self._loop.run(send_level(level, self._connection, requests, self._params))
        records = [self._check(record) for record in sent.records]
        figures = level_figures(level, records).model_copy(
            update={"sender_cpu_share": sent.cpu_share}
        )
        rate = figures.tokens_per_sec
        log.info(
            "part.finished", part=f"load, {level}", duration_s=figures.duration_s, unit="tokens",
            units=None if rate is None else rate * figures.duration_s,
        )  # fmt: skip
        return figures
