"""Send a load level from several processes: one event loop each, and one clock.

The parts travel to the processes before the clock starts, the records back after all streams have
ended. All processes stamp with the monotonic clock of the machine (CLOCK_MONOTONIC on Linux), so
that their stamps can be merged as they are; each process shows that before it takes part.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection as Channel
from typing import Any

from nobs.system.child import child
from nobs.tasks.chat.sending import Part, SentPart, Start, failed_part, send_soon

_PROGRAM = "nobs.tasks.chat.worker"
_END_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Ready:
    """The connections of a process are open."""

    clock_ns: int
    """Its `time.perf_counter_ns`."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A process can't send its part."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Stop:
    """No further requests are to be sent."""

    verdict: str
    """Of the guard in one of the processes."""


class LostWorker(Exception):
    """A process can't take part, or its answers are lost."""


@dataclass(frozen=True, kw_only=True)
class _Worker:
    """A child process with its part."""

    part: Part
    channel: Channel
    process: subprocess.Popen[str]

    def send(self, message: object) -> None:
        """Send `message`; a process that has ended is noticed where its answer is awaited."""
        with suppress(OSError):
            self.channel.send(message)

    async def hear(self) -> Any:  # noqa: ANN401 - any message
        """Return its next message; raise LostWorker if there is none."""
        try:
            message = await receive(self.channel)
        except (EOFError, OSError) as error:
            code = self.process.wait(_END_S)
            raise LostWorker(f"a client process ended with exit code {code}") from error
        if isinstance(message, Refused):
            raise LostWorker(message.reason)
        return message


async def receive(channel: Channel) -> Any:  # noqa: ANN401 - any message
    """Return the next message without blocking the event loop; EOFError at the end."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(channel.fileno(), readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(channel.fileno())
    return channel.recv()


async def send_parts(parts: Sequence[Part], start: Start = send_soon) -> tuple[list[SentPart], str]:
    """Send each part from its own process, all from the same moment: that of `start`.

    Return what was sent, in the order of `parts`, and the first verdict of a guard, which stops
    all. The requests of a process that ends before it has reported its answers are failures.
    """
    with ExitStack() as stack:
        try:
            workers = [stack.enter_context(_worker(part)) for part in parts]
        except OSError as error:
            reason = f"the client's processes can't be started: {error}"
            return [failed_part(part, reason) for part in parts], ""
        losses = await asyncio.gather(*map(_prepare, workers))
        ready = [worker for worker, lost in zip(workers, losses, strict=True) if lost is None]
        start_s = await start()
        for worker in ready:
            worker.send(start_s)
        verdicts: list[str] = []
        followed = iter(await asyncio.gather(*(_follow(w, ready, verdicts) for w in ready)))
        sent = [
            next(followed) if lost is None else failed_part(part, str(lost))
            for part, lost in zip(parts, losses, strict=True)
        ]
    return sent, verdicts[0] if verdicts else ""


async def _prepare(worker: _Worker) -> LostWorker | None:
    """Give a process its part and wait for its connections; return why it can't take part."""
    asked_ns = time.perf_counter_ns()
    worker.send(worker.part)
    try:
        ready: Ready = await worker.hear()
    except LostWorker as lost:
        return lost
    if asked_ns <= ready.clock_ns <= time.perf_counter_ns():
        return None
    return LostWorker("a client process has another clock")


async def _follow(worker: _Worker, workers: Sequence[_Worker], verdicts: list[str]) -> SentPart:
    """Return the answers of a process; send all `workers` the verdict of its guard."""
    try:
        while not isinstance(said := await worker.hear(), SentPart):
            verdicts.append(said.verdict)
            for other in workers:
                other.send(said)
    except LostWorker as reason:
        return failed_part(worker.part, str(reason))
    return said


@contextmanager
def _worker(part: Part) -> Iterator[_Worker]:
    """Start a process; it ends with the block, or with this process."""
    ours, theirs = Pipe()
    with theirs:
        command = [sys.executable, "-m", _PROGRAM, str(theirs.fileno())]
        with (
            child(
                command, own_session=False, finish_s=_END_S, stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            ) as process,
            ours,
        ):  # fmt: skip
            theirs.close()
            yield _Worker(part=part, channel=ours, process=process)
