"""A client's wall clock against the server's, by the Date header of some answers."""

import asyncio
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from nobs.schema.server import Connection
from nobs.tasks.chat.client.chat import get_bytes, path_of
from nobs.tasks.chat.client.exchange import End, Exchange
from nobs.tasks.chat.client.framing import MalformedResponse, parse_head
from nobs.tasks.chat.client.wire import ConnectFailed, KeepAlive
from nobs.tasks.chat.metrics_source import LIMITS
from nobs.tasks.chat.share_report import ServerClock

ANSWERS = 10
PAUSE_S = 0.1
"""Between two answers: together they cross the end of a second."""
RESOLUTION_S = 2.0
"""A Date is older than its answer by less than this: it is in whole seconds, and some servers renew
it once per second."""


async def read_server_clock(
    connection: Connection, *, answers: int = ANSWERS, pause_s: float = PAUSE_S
) -> ServerClock | None:
    """Return the difference of both clocks; None if the server sends no usable Date."""
    http = KeepAlive(connection, LIMITS)
    request = get_bytes(connection, f"{path_of(connection)}/models")
    wall_s = time.time() - time.perf_counter()
    found = []
    try:
        for _ in range(answers):
            found += list(_bounds(await http.exchange(request), wall_s))
            await asyncio.sleep(pause_s)
    except ConnectFailed:
        pass
    finally:
        http.close()
    if not found:
        return None
    low_s, high_s = max(low for low, _ in found), min(high for _, high in found)
    return ServerClock(low_s=low_s, high_s=high_s, answers=len(found)) if low_s <= high_s else None


def _bounds(exchange: Exchange, wall_s: float) -> Iterator[tuple[float, float]]:
    """Yield between which ends the difference lies by one answer; nothing without a Date."""
    if exchange.end is not End.COMPLETE or not exchange.stamps:
        return
    try:
        head = parse_head(b"".join(exchange.chunks))
        date_s = parsedate_to_datetime(head.headers["date"] if head else "").timestamp()
    except (MalformedResponse, ValueError, KeyError, OverflowError):
        return
    sent_s, answered_s = wall_s + exchange.sent_ns / 1e9, wall_s + exchange.stamps[0] / 1e9
    yield sent_s - date_s - RESOLUTION_S, answered_s - date_s
