"""Send one process's part of a load level; nothing is parsed while any request streams."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from nobs.schema.server import Connection
from nobs.system.descriptors import raise_file_limit
from nobs.tasks.chat.client.chat import ChatClient, chat_client, connect_failure
from nobs.tasks.chat.client.exchange import Exchange
from nobs.tasks.chat.client.figures import record_of
from nobs.tasks.chat.client.record import ChatFailure, ChatRecord
from nobs.tasks.chat.client.wire import ConnectFailed
from nobs.tasks.chat.guard import LoadGuard

MAX_KEPT_OPEN = 64
"""Connections opened before an open-loop load; more are opened on demand."""
PROBE_S = 0.01
"""Period of the wake-ups that measure the lag of the event loop."""

type Outcome = Exchange | ConnectFailed
type Start = Callable[[], Awaitable[float]]
"""Wait for the common start and return it, in the seconds of `time.perf_counter`."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The requests of a level that one process sends."""

    connection: Connection
    requests: Sequence[bytes]
    concurrency: int
    """Connections of a closed loop; those opened ahead in an open loop."""
    times_s: Sequence[float] | None
    """Arrival times of an open loop, after the start; None for a closed loop."""
    settle_s: float
    """As of the guard."""

    def guard(self) -> LoadGuard:
        """Return a new guard for this part."""
        return LoadGuard(is_open=self.times_s is not None, settle_s=self.settle_s)


@dataclass(frozen=True, kw_only=True)
class SentPart:
    """The answers of one part, and what sending it cost its process."""

    records: list[ChatRecord | None]
    """One per request, in order; None for those that weren't sent."""
    cpu_s: float
    """CPU time of the process while it sent."""
    took_s: float
    lags_s: list[float]
    """How late the process woke up, every `PROBE_S`."""


def failed_part(part: Part, reason: str) -> SentPart:
    """Return all requests of `part` as failures of the client, for `reason`."""
    record = ChatRecord(stamps=None, failure=ChatFailure.CLIENT, error=reason)
    return SentPart(records=[record] * len(part.requests), cpu_s=0.0, took_s=0.0, lags_s=[])


class MissedStart(Exception):
    """The agreed start had passed before this client could send; `late_s`: by how much."""

    def __init__(self, late_s: float) -> None:
        super().__init__(f"{late_s:.3f} s late")
        self.late_s = late_s


async def send_now() -> float:
    """Start at once."""
    return time.perf_counter()


LEAD_S = 0.05
"""From the message to the common start, so that all processes have received it."""


AHEAD_S = 0.5
"""Before an agreed start, all connections must be open: a busy machine wakes up late."""


async def send_soon() -> float:
    """Start as soon as several processes can."""
    return time.perf_counter() + LEAD_S


def start_at(at_s: float) -> Start:
    """Return a wait for an agreed start, which raises MissedStart."""

    async def wait() -> float:
        await asyncio.sleep(at_s - AHEAD_S - time.perf_counter())
        if (late_s := time.perf_counter() - at_s) > 0:
            raise MissedStart(late_s)
        return at_s

    return wait


async def send_part(part: Part, guard: LoadGuard, start: Start = send_now) -> SentPart:
    """Open the connections, wait for `start`, send until all is sent or `guard` stops it.

    TooFewFiles if this process may not open the connections.
    """
    lags_s: list[float] = []
    with ExitStack() as stack:
        clients = await open_clients(stack, part.connection, part.concurrency)
        start_s = await start()
        cpu_s = time.process_time()
        async with _probed(lags_s, start_s):
            if part.times_s is None:
                await asyncio.sleep(start_s - time.perf_counter())
                answers = await _send_closed(part, clients, guard)
            else:
                answers = await _send_open(part, clients, guard, stack, start_s)
        cpu_s, took_s = time.process_time() - cpu_s, time.perf_counter() - start_s
    records = [None if answer is None else _record(answer) for answer in answers]
    return SentPart(records=records, cpu_s=cpu_s, took_s=took_s, lags_s=lags_s)


def _record(answer: Outcome) -> ChatRecord:
    return record_of(answer) if isinstance(answer, Exchange) else connect_failure(answer)


@asynccontextmanager
async def _probed(lags_s: list[float], start_s: float) -> AsyncIterator[None]:
    """Wake up at fixed times during the block and note how late each wake-up was.

    The times are a grid: a stall of 100 ms is late for each of them, not for one.
    """

    async def wake() -> None:
        due_s = max(start_s, time.perf_counter())
        while True:
            due_s += PROBE_S
            await asyncio.sleep(due_s - time.perf_counter())
            lags_s.append(max(0.0, time.perf_counter() - due_s))

    task = asyncio.create_task(wake())
    try:
        yield
    finally:
        task.cancel()


async def _send_closed(
    part: Part, clients: Sequence[ChatClient], guard: LoadGuard
) -> list[Outcome | None]:
    """Send in a closed loop: each client sends its next request when the last one ended."""
    answers: list[Outcome | None] = [None] * len(part.requests)
    queue = iter(enumerate(part.requests))

    async def work(client: ChatClient) -> None:
        for number, request in queue:
            answers[number] = await _send(client, request, guard)
            if guard.verdict:
                return

    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(work(client))
    return answers


async def _send_open(
    part: Part, idle: list[ChatClient], guard: LoadGuard, stack: ExitStack, start_s: float
) -> list[Outcome | None]:
    """Send in an open loop: each request at its arrival time."""
    answers: list[Outcome | None] = [None] * len(part.requests)

    async def work(number: int, request: bytes) -> None:
        client = idle.pop() if idle else stack.enter_context(chat_client(part.connection))
        answers[number] = await _send(client, request, guard)
        idle.append(client)

    async with asyncio.TaskGroup() as group:
        for number, time_s in enumerate(part.times_s or ()):
            await asyncio.sleep(start_s + time_s - time.perf_counter())
            if guard.verdict:
                break
            group.create_task(work(number, part.requests[number]))
    return answers


async def open_clients(stack: ExitStack, connection: Connection, count: int) -> list[ChatClient]:
    """Return clients with open connections; failures are reported when they send.

    TooFewFiles if this process may not have so many open.
    """
    raise_file_limit(count)
    clients = [stack.enter_context(chat_client(connection)) for _ in range(count)]
    for client in clients:
        with suppress(ConnectFailed):
            await client.open()
    return clients


async def _send(client: ChatClient, request: bytes, guard: LoadGuard) -> Outcome:
    guard.started(time.perf_counter_ns())
    outcome = await exchange(client, request)
    guard.ended(time.perf_counter_ns(), is_answered=is_answered(outcome))
    return outcome


async def exchange(client: ChatClient, request: bytes) -> Outcome:
    """Send one request; a connection that couldn't be opened is an outcome, too."""
    try:
        return await client.exchange(request)
    except ConnectFailed as failed:
        return failed


def is_answered(outcome: Outcome) -> bool:
    """Return whether the server sent anything at all."""
    return isinstance(outcome, Exchange) and bool(outcome.chunks)
