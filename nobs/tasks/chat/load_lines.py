"""The load table of a served model as lines of at most 80 columns."""

from collections.abc import Iterator
from textwrap import wrap

from nobs.tasks.chat.guard import OVER_SATURATED, STOPPED
from nobs.tasks.chat.load_checks import client_limit
from nobs.tasks.chat.load_report import LoadLevel, LoadTable
from nobs.tasks.chat.promise_lines import name_of, promise_lines
from nobs.tasks.chat.report import ChatModelReport
from nobs.text import to_line
from nobs.units import format_seconds, format_share, rate_or_dash, time_or_dash

_ROW = "  {:<12}{:>9}{:>10}{:>10}{:>10}{:>10}{:>10}{:>7}"
_HEADS = (
    "load", "tokens/s", "req/s", "TTFT p50", "TTFT p95", "ITL p99", "in flight", "failed",
)  # fmt: skip
_EARLY = {
    OVER_SATURATED: "more arrived than were answered",
    STOPPED: "the server stopped answering",
}


def load_lines(model: ChatModelReport) -> Iterator[str]:
    """Yield a table of the load levels, if there are any."""
    load = model.load
    if load is None or not load.levels:
        return
    # A search measures in an order of its own.
    levels = sorted(load.levels, key=lambda each: (each.rate_per_s or 0.0, each.concurrency or 0))
    yield _ROW.format(*_HEADS)
    yield from (_ROW.format(*_cells(level)) for level in levels)
    if any(level.rate_per_s for level in levels):
        yield f"  arrivals: {to_line(load.arrivals)}, seed {load.seed}"
    for level in levels:
        if (how := client_limit(level)) is not None:
            yield f"  {name_of(level)}: {how} and may be the limit"
        if level.client is not None and level.client.error:
            yield from _wrapped(f"{name_of(level)}: {to_line(level.client.error, 300)}")
    for level in levels:
        yield from _remarks(level)
    yield from _client_lines(load)
    if load.knee is not None:
        yield f"  throughput saturates at {load.knee} concurrent requests"
    yield from promise_lines(load)


def _remarks(level: LoadLevel) -> Iterator[str]:
    """Yield what went wrong at a level: failed answers, contradictory counts, an early end."""
    name = name_of(level)
    if level.failed and level.first_error:
        first = to_line(level.first_error, 200)
        yield from _wrapped(f"{name}: {level.failed} of {level.requests} failed, first: {first}")
    if level.unreconciled and level.tokens_per_sec is None:
        some = f"{level.unreconciled} of {level.requests - level.failed} answers"
        yield f"  {name}: token counts of {some} contradict their streams"
    if level.ended_early:
        said = _EARLY.get(level.ended_early, to_line(level.ended_early, 40))
        yield f"  {name}: ended after {level.requests} requests: {said}"


def _client_lines(load: LoadTable) -> Iterator[str]:
    """Yield which of several clients sent these requests."""
    if load.share is not None:
        share = load.share.share
        yield f"  share {share} of a load from {share.start:%Y-%m-%d %H:%M:%S} UTC: merge the"
        yield f"  reports of all {share.count} clients with `nobs collect`"
    if (merged := load.merged) is not None:
        apart_s = merged.clocks_apart_s
        apart = "not compared" if apart_s is None else f"within {format_seconds(apart_s)}"
        together = format_share(min(merged.overlaps, default=0.0), 0)
        yield f"  {len(merged.shares)} clients, clocks {apart}, sending together for {together}"
        if merged.watching is not None:
            yield f"  the server's own figures are those that client {merged.watching} read"
        urls = dict.fromkeys(to_line(client.url, 100) for client in merged.shares)
        if len(urls) > 1:
            yield from _wrapped(f"one server by {len(urls)} URLs: {', '.join(urls)}")
        for client in merged.shares:
            for limit in client.limits:
                yield from _wrapped(f"share {client.index}: {to_line(limit)} and may be the limit")


def _wrapped(text: str) -> list[str]:
    return wrap(text, 78, initial_indent="  ", subsequent_indent="    ")


def _cells(level: LoadLevel) -> tuple[str, ...]:
    return (
        name_of(level),
        rate_or_dash(level.tokens_per_sec),
        rate_or_dash(level.requests_per_sec),
        time_or_dash(level.median_ttft_s),
        time_or_dash(level.p95_ttft_s),
        time_or_dash(level.itl.p99_s if level.itl else None),
        rate_or_dash(level.mean_in_flight),
        str(level.failed),
    )
