"""A process that sends one part of a load level: `python -m` this module, with its channel."""

import asyncio
import signal
import sys
import time
from multiprocessing.connection import Connection as Channel

from nobs.system.descriptors import TooFewFiles
from nobs.system.parent import die_with_parent
from nobs.tasks.chat.guard import LoadGuard
from nobs.tasks.chat.sending import Part, send_part
from nobs.tasks.chat.workers import Ready, Refused, Stop, receive

REPORT_S = 0.05


def main() -> None:
    """Send the part that comes through the channel; end early if its other side closes."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it and closes the channel
    channel = Channel(int(sys.argv[1]))
    try:
        asyncio.run(_work(channel))
    except* (EOFError, OSError):
        sys.exit(1)


async def _work(channel: Channel) -> None:
    part: Part = await receive(channel)
    guard = part.guard()
    async with asyncio.TaskGroup() as group:
        tasks: list[asyncio.Task[None]] = []

        async def start() -> float:
            channel.send(Ready(clock_ns=time.perf_counter_ns()))
            start_s: float = await receive(channel)
            tasks.append(group.create_task(_listen(channel, guard)))
            tasks.append(group.create_task(_report(channel, guard)))
            return start_s

        try:
            sent = await send_part(part, guard, start)
            if guard.verdict:
                channel.send(Stop(verdict=guard.verdict))
            channel.send(sent)
        except TooFewFiles as error:
            channel.send(Refused(reason=str(error)))
        for task in tasks:
            task.cancel()


async def _listen(channel: Channel, guard: LoadGuard) -> None:
    """Obey the verdict of another process; raise EOFError if the parent is gone."""
    while True:
        stop: Stop = await receive(channel)
        guard.verdict = guard.verdict or stop.verdict


async def _report(channel: Channel, guard: LoadGuard) -> None:
    """Tell the parent the verdict of this process's guard."""
    while not guard.verdict:
        await asyncio.sleep(REPORT_S)
    channel.send(Stop(verdict=guard.verdict))


if __name__ == "__main__":
    main()
