"""Which part of a load level each of several clients sends."""

from nobs.schema.share import Share
from nobs.tasks.chat.arrivals import Arrivals, arrival_times_s
from nobs.tasks.chat.levels import Level, requests_of


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
