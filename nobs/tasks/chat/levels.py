"""Load levels, and how many requests each has."""

from collections.abc import Iterator
from dataclasses import dataclass

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
