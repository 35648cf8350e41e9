"""Load levels, how many requests each has, and which part of it each of several clients sends."""

from collections.abc import Iterator
from dataclasses import dataclass

from nobs.schema.share import Share
from nobs.tasks.chat.arrivals import Arrivals, arrival_times_s
from nobs.tasks.chat.params import LoadParams

SWEEP_LIMIT = 1024
GROWTH = 1.05
"""Minimum growth of throughput for a sweep to continue."""
RATE_SECONDS = 20.0
"""Duration of the arrivals of an open-loop load."""
MIN_REQUESTS = 10


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


def part_of(share: Share, whole: Level) -> Level:
    """Return what a client sends of a level: 3, 3 and 2 of 8 requests at once."""
    if whole.rate_per_s is not None:
        return Level(rate_per_s=whole.rate_per_s / share.count)
    return Level(concurrency=_split(whole.concurrency or 0, share.index, share.count))


def count_of(share: Share, whole: Level, prompts: int) -> int:
    """Return how many requests of a level a client sends; the clients send all of them together.

    Of a concurrency, each has as many as keep its part busy for as long as those of the others.
    """
    count = requests_of(whole, prompts)
    if whole.rate_per_s is not None:
        return _split(count, share.index, share.count)
    streams = whole.concurrency or 0
    before = sum(_split(streams, index, share.count) for index in range(share.index))
    after = before + _split(streams, share.index, share.count)
    return count * after // streams - count * before // streams


def times_of(
    share: Share, whole: Level, prompts: int, arrivals: Arrivals, seed: int
) -> list[float] | None:
    """Return when a client sends its requests of a rate; None for a concurrency.

    They are every N-th arrival of one client that drives the whole level, so that all clients
    together send just what that one would: rates of their own would end at different times.
    """
    if whole.rate_per_s is None:
        return None
    times_s = arrival_times_s(requests_of(whole, prompts), whole.rate_per_s, arrivals, seed)
    return times_s[share.index :: share.count]


def _split(count: int, index: int, clients: int) -> int:
    return count // clients + (index < count % clients)
