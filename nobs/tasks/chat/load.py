"""Concurrent requests; nothing is parsed while any of them streams."""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import accumulate

from nobs.schema.server import Connection
from nobs.tasks.chat.client.chat import (
    ChatClient,
    ChatRequest,
    chat_client,
    connect_failure,
    request_bytes,
)
from nobs.tasks.chat.client.figures import record_of
from nobs.tasks.chat.client.record import ChatRecord
from nobs.tasks.chat.client.wire import ConnectFailed, Exchange
from nobs.tasks.chat.params import Arrivals, LoadParams

SWEEP_LIMIT = 256
GROWTH = 1.05
"""Minimum growth of throughput for a sweep to continue."""
RATE_SECONDS = 20.0
"""Duration of the arrivals of an open-loop load."""
MIN_REQUESTS = 10
MAX_KEPT_OPEN = 64
"""Connections opened before an open-loop load; more are opened on demand."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """One load level: a number of concurrent requests, or an arrival rate."""

    concurrency: int | None = None
    rate_per_s: float | None = None

    def __str__(self) -> str:
        if self.rate_per_s is not None:
            return f"{self.rate_per_s:g} requests/s"
        return f"{self.concurrency} at once"


def levels_of(params: LoadParams) -> Iterator[Level]:
    """Yield the fixed levels, without those of a sweep."""
    yield from (Level(concurrency=count) for count in params.concurrency)
    yield from (Level(rate_per_s=rate) for rate in params.rates_per_s)


def sweep_levels() -> Iterator[Level]:
    """Yield the doubling levels of a sweep until the caller stops."""
    count = 1
    while count <= SWEEP_LIMIT:
        yield Level(concurrency=count)
        count *= 2


def requests_of(level: Level, prompts: int) -> int:
    """Return the number of requests of a level: at least two per client."""
    if level.rate_per_s is not None:
        return max(MIN_REQUESTS, round(level.rate_per_s * RATE_SECONDS))
    return max(MIN_REQUESTS, prompts, 2 * (level.concurrency or 1))


def arrival_times_s(count: int, rate_per_s: float, arrivals: Arrivals, seed: int) -> list[float]:
    """Return the arrival times of `count` requests, the first at 0; Poisson ones follow `seed`."""
    if arrivals is Arrivals.CONSTANT:
        return [number / rate_per_s for number in range(count)]
    generator = random.Random(seed)  # noqa: S311 - a process, no secret
    gaps = (generator.expovariate(rate_per_s) for _ in range(count - 1))
    return [0.0, *accumulate(gaps)]


@dataclass(frozen=True, kw_only=True)
class SentLevel:
    """The answers of one level, and what sending them cost."""

    records: list[ChatRecord]
    cpu_share: float
    """CPU time of this process while it sent, over the time that took."""


async def send_level(
    level: Level, connection: Connection, requests: Sequence[ChatRequest], params: LoadParams
) -> SentLevel:
    """Send `requests` at `level`; their bytes are made before, and parsed after all streams."""
    ready = [request_bytes(connection, request) for request in requests]
    start_s, cpu_s = time.perf_counter(), time.process_time()
    if level.rate_per_s is None:
        answers = await _send_closed(connection, ready, level.concurrency or 1)
    else:
        times_s = arrival_times_s(len(ready), level.rate_per_s, params.arrivals, params.seed)
        answers = await _send_open(connection, ready, times_s)
    cpu_s, took_s = time.process_time() - cpu_s, time.perf_counter() - start_s
    records = [
        record_of(answer) if isinstance(answer, Exchange) else connect_failure(answer)
        for answer in answers
    ]
    return SentLevel(records=records, cpu_share=cpu_s / took_s if took_s else 0.0)


async def _send_closed(
    connection: Connection, requests: Sequence[bytes], concurrency: int
) -> list[Exchange | ConnectFailed]:
    """Send in a closed loop: each client sends its next request when the last one ended."""
    queue = iter(requests)
    answers: list[Exchange | ConnectFailed] = []

    async def work(client: ChatClient) -> None:
        for request in queue:
            answers.append(await _send(client, request))  # noqa: PERF401 - a shared queue

    with ExitStack() as stack:
        clients = await _open_clients(stack, connection, min(concurrency, len(requests)))
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(work(client))
    return answers


async def _send_open(
    connection: Connection, requests: Sequence[bytes], times_s: Sequence[float]
) -> list[Exchange | ConnectFailed]:
    """Send in an open loop: each request at its arrival time."""
    loop = asyncio.get_running_loop()
    answers: list[Exchange | ConnectFailed] = []

    with ExitStack() as stack:
        idle = await _open_clients(stack, connection, min(len(requests), MAX_KEPT_OPEN))

        async def work(request: bytes, at_s: float) -> None:
            await asyncio.sleep(at_s - loop.time())
            client = idle.pop() if idle else stack.enter_context(chat_client(connection))
            answers.append(await _send(client, request))
            idle.append(client)

        start_s = loop.time()
        async with asyncio.TaskGroup() as group:
            for request, time_s in zip(requests, times_s, strict=True):
                group.create_task(work(request, start_s + time_s))
    return answers


async def _open_clients(stack: ExitStack, connection: Connection, count: int) -> list[ChatClient]:
    """Return clients with open connections; failures are reported when they send."""
    clients = [stack.enter_context(chat_client(connection)) for _ in range(count)]
    for client in clients:
        with suppress(ConnectFailed):
            await client.open()
    return clients


async def _send(client: ChatClient, request: bytes) -> Exchange | ConnectFailed:
    try:
        return await client.exchange(request)
    except ConnectFailed as failed:
        return failed
