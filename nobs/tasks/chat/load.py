"""The processes that send the requests of a load level."""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from nobs.providers.chat import ChatRequest
from nobs.schema.server import Connection
from nobs.system.descriptors import TooFewFiles
from nobs.system.host import usable_cores
from nobs.tasks.chat.arrivals import arrival_times_s
from nobs.tasks.chat.client.chat import request_bytes
from nobs.tasks.chat.client.record import ChatFailure, ChatRecord, nearest_rank
from nobs.tasks.chat.client_cost import ClientCost
from nobs.tasks.chat.levels import Level
from nobs.tasks.chat.params import LoadParams
from nobs.tasks.chat.sending import (
    MAX_KEPT_OPEN,
    Part,
    SentPart,
    failed_part,
    send_now,
    send_part,
    send_soon,
    start_at,
)
from nobs.tasks.chat.workers import send_parts

STREAMS_PER_PROCESS = 256
"""Concurrent requests that one process of the client sends, so that it is far from a full core."""
RATE_PER_PROCESS = 64.0
"""Arrivals per second that one process of the client sends."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """When a level begins; by default at once."""

    settle_s: float = 0.0
    """The queue isn't judged so long."""
    at_s: float | None = None
    """Agreed start, in the seconds of `time.perf_counter`."""
    arrivals_s: Sequence[float] | None = None
    """Arrivals of a rate after the start; None: as the parameters have them."""


@dataclass(frozen=True, kw_only=True)
class SentLevel:
    """The answers of one level, and what sending them cost."""

    records: list[ChatRecord]
    """In the order of the requests, without those that weren't sent."""
    client: ClientCost
    ended_early: str = ""
    """Verdict of the guard; empty if all requests were sent."""


def cost_of(sent: Sequence[SentPart]) -> ClientCost:
    """Return what all parts of a level cost."""
    lags_s = sorted(chain.from_iterable(part.lags_s for part in sent))
    took_s = max(part.took_s for part in sent)
    records = chain.from_iterable(part.records for part in sent)
    errors = (r.error for r in records if r and r.failure is ChatFailure.CLIENT)
    return ClientCost(
        processes=len(sent),
        cpu_share=max(part.cpu_s / part.took_s if part.took_s else 0.0 for part in sent),
        cpu_cores=sum(part.cpu_s for part in sent) / took_s if took_s else 0.0,
        lag_mean_s=sum(lags_s) / len(lags_s) if lags_s else 0.0,
        lag_p99_s=nearest_rank(lags_s, 0.99) if lags_s else 0.0,
        error=next(errors, ""),
    )


def processes_for(level: Level, cores: int) -> int:
    """Return how many processes send `level`: one for small levels, at most one per core."""
    if sys.platform == "win32":  # a child can't inherit the channel
        return 1
    if level.rate_per_s is not None:
        wanted = level.rate_per_s / RATE_PER_PROCESS
    else:
        wanted = (level.concurrency or 1) / STREAMS_PER_PROCESS
    return max(1, min(math.ceil(wanted), cores))


async def send_level(
    level: Level, connection: Connection, requests: Sequence[ChatRequest], params: LoadParams,
    timing: Timing = Timing(),
) -> SentLevel:  # fmt: skip
    """Send `requests` at `level`; their bytes are made before, and parsed after all streams.

    Fewer are sent if the server stops answering, or if its queue grows all the time; that isn't
    judged in the first `settle_s` seconds of `timing`. MissedStart if it can't begin in time.
    """
    times_s = timing.arrivals_s
    if times_s is None and level.rate_per_s is not None:
        count = len(requests)
        times_s = arrival_times_s(count, level.rate_per_s, params.arrivals, params.seed)
    processes = processes_for(level, usable_cores())
    whole = Part(
        connection=connection,
        requests=[request_bytes(connection, request) for request in requests],
        concurrency=min(len(requests), level.concurrency or MAX_KEPT_OPEN * processes),
        times_s=times_s,
        settle_s=timing.settle_s,
    )
    return await send_whole(whole, processes, timing.at_s)


async def send_whole(whole: Part, processes: int, at_s: float | None = None) -> SentLevel:
    """Send all of a level from this process, or from several others with a connection at least."""
    processes = max(1, min(processes, whole.concurrency))
    parts = list(parts_of(whole, processes))
    if processes == 1:
        sent, verdict = await _send_here(whole, at_s)
    else:
        sent, verdict = await send_parts(parts, start_at(at_s) if at_s else send_soon)
    records: list[ChatRecord | None] = [None] * len(whole.requests)
    for number, part in enumerate(sent):
        records[number::processes] = part.records
    return SentLevel(
        records=[record for record in records if record is not None],
        client=cost_of(sent),
        ended_early=verdict,
    )


def parts_of(whole: Part, count: int) -> Iterator[Part]:
    """Yield the parts of `count` processes: every `count`-th request, with its arrival time."""
    for number in range(count):
        yield replace(
            whole,
            requests=whole.requests[number::count],
            concurrency=whole.concurrency // count + (number < whole.concurrency % count),
            times_s=None if whole.times_s is None else whole.times_s[number::count],
        )


async def _send_here(part: Part, at_s: float | None) -> tuple[list[SentPart], str]:
    guard = part.guard()
    try:
        start = start_at(at_s) if at_s else send_now
        return [await send_part(part, guard, start)], guard.verdict
    except TooFewFiles as error:
        return [failed_part(part, str(error))], ""
