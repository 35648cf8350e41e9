"""The load table of a served model, and its latency promise, as lines of at most 80 columns."""

from collections.abc import Iterator, Sequence
from math import floor
from textwrap import wrap

from nobs.tasks.chat.guard import OVER_SATURATED, STOPPED
from nobs.tasks.chat.load_checks import client_limit
from nobs.tasks.chat.load_report import LoadLevel, LoadTable, Percentile, PromiseAnswer, SteadyTimes
from nobs.tasks.chat.promise import format_promise
from nobs.tasks.chat.promise_answer import verdict_at
from nobs.tasks.chat.report import ChatModelReport
from nobs.tasks.chat.search import Axis, Ended
from nobs.text import to_line
from nobs.units import format_rate, format_seconds, format_share, rate_or_dash, time_or_dash

_ROW = "  {:<12}{:>9}{:>10}{:>10}{:>10}{:>10}{:>10}{:>7}"
_HEADS = (
    "load", "tokens/s", "req/s", "TTFT p50", "TTFT p95", "ITL p99", "in flight", "failed",
)  # fmt: skip
_EARLY = {
    OVER_SATURATED: "more arrived than were answered",
    STOPPED: "the server stopped answering",
}
_PROMISE_ROW = "  {:<12}{:>10}{:>8}{:>15}{:>10}{:>9}{:>14}"
_PROMISE_HEADS = ("load", "SLO", "kept", "95 % CI, %", "goodput/s", "requests", "steady, s")
_TIMES = "  {:<12}{:>22}{:>22}{:>22}"
_SHOWN = {"ttft": "TTFT", "tpot": "TPOT", "latency": "latency"}
_PERCENTILES = {0.5: "p50", 0.95: "p95", 0.99: "p99"}
_ENDED = {
    Ended.NEVER_FAILS: "even the highest load that NOBS tries keeps it: give a stricter --slo",
    Ended.NEVER_HOLDS: "even requests without a queue break it",
    Ended.STOPPED: "the search ended where no request was answered any more",
    Ended.SENDER: "the search ended where the client was the limit",
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


def promise_lines(load: LoadTable) -> Iterator[str]:
    """Yield how each level kept the promise, and the highest load at which it holds."""
    answer = load.promise
    if answer is None:
        return
    levels = sorted(load.levels, key=lambda level: level.rate_per_s or level.concurrency or 0)
    yield f"  SLO: {format_promise(answer.promise)}"
    yield _PROMISE_ROW.format(*_PROMISE_HEADS)
    yield from (_PROMISE_ROW.format(*_kept_cells(level)) for level in levels)
    judged = [level for level in levels if level.steady is not None and level.promise is not None]
    yield from _time_lines(answer, judged)
    yield from _answer_lines(answer, is_judged=bool(judged))


def name_of(level: LoadLevel) -> str:
    """Return the load of a level for the first column."""
    return f"{level.rate_per_s:.4g} req/s" if level.rate_per_s else f"{level.concurrency} at once"


def _kept_cells(level: LoadLevel) -> Sequence[str]:
    steady, kept = level.steady, level.promise
    if steady is None or kept is None:
        verdict = verdict_at(level) or "no figure"
        return name_of(level), verdict, "-", "-", "-", str(level.requests), "-"
    return (
        name_of(level),
        "client" if client_limit(level) else to_line(kept.verdict, 9),
        format_share(kept.share),
        f"{100 * kept.low:.1f} to {100 * kept.high:.1f}",
        format_rate(kept.goodput_per_sec),
        str(steady.requests),
        f"{steady.start_s:.1f} to {steady.end_s:.1f}",
    )


def _time_lines(answer: PromiseAnswer, levels: Sequence[LoadLevel]) -> Iterator[str]:
    """Yield the percentile that each limit is about, with its CI; p95 where it is p90."""
    percentile = _PERCENTILES.get(answer.promise.share, "p95")
    names = [name for name, _ in answer.promise.limits() if name in _SHOWN]
    if not names or not levels:
        return
    blank = [""] * (len(_SHOWN) - len(names))
    yield _TIMES.format("load", *(f"{_SHOWN[n]} {percentile}" for n in names), *blank).rstrip()
    for level in levels:
        if level.steady is not None:
            times: list[SteadyTimes | None] = [getattr(level.steady, name) for name in names]
            cells = [_time_cell(getattr(each, percentile)) if each else "-" for each in times]
            yield _TIMES.format(name_of(level), *cells, *blank).rstrip()


def _time_cell(found: Percentile | None) -> str:
    if found is None:
        return "withheld: too few"
    factor, unit = (1e3, "ms") if found.value_s < 1 else (1.0, "s")
    value, low, high = (
        format_rate(factor * time_s) for time_s in (found.value_s, found.low_s, found.high_s)
    )
    return f"{value} ({low}-{high}) {unit}"


def _answer_lines(answer: PromiseAnswer, *, is_judged: bool) -> Iterator[str]:
    yield (
        f"  {_bound(answer)} (95 % confidence)"
        if is_judged or answer.fails_at
        else ("  no level has a steady state, so the SLO isn't judged")
    )
    if answer.estimate is not None:
        # Rounded down: 13.9 users would be shown as 14, of whom the promise may fail.
        users = floor(answer.estimate) if answer.axis == Axis.CONCURRENCY else answer.estimate
        yield f"  estimated bound: {_at(answer, users)}"
    if answer.ended in _ENDED and (is_judged or answer.ended != Ended.NEVER_HOLDS):
        yield f"  {_ENDED[Ended(answer.ended)]}"
    if answer.peak_requests_per_sec is not None:
        rate, tokens = answer.peak_requests_per_sec, answer.peak_tokens_per_sec
        tokens_text = "" if tokens is None else f", {format_rate(tokens)} tokens/s"
        at = _at(answer, answer.peak_at)
        yield f"  highest throughput: {format_rate(rate)} requests/s{tokens_text}, at {at}"
    if answer.goodput_per_sec is not None:
        at, good = _at(answer, answer.goodput_at), format_rate(answer.goodput_per_sec)
        yield f"  highest goodput: {good} requests/s, at {at}"
    if answer.user_tokens_per_sec is not None and is_judged:
        least = f"{answer.user_tokens_per_sec:.4g} tokens/s"
        user = f"{100 * answer.promise.share:g} % of requests get at least {least}"
        if answer.system_tokens_per_sec is None:
            yield f"  at no level {user} each"
        else:
            system = format_rate(answer.system_tokens_per_sec)
            yield f"  {system} tokens/s in all while {user} each,"
            yield f"    at {_at(answer, answer.system_at)}"


def _bound(answer: PromiseAnswer) -> str:
    if answer.holds_at is None and answer.fails_at is None:
        return "no level is certain to keep the SLO, none to break it"
    holds, fails = _at(answer, answer.holds_at), _at(answer, answer.fails_at)
    if answer.holds_at is None:
        holds = "at no level"
    if answer.fails_at is None:
        fails = "at no level"
    return f"SLO holds at {holds}, fails at {fails}".replace("at at", "at")


def _at(answer: PromiseAnswer, load: float | None) -> str:
    if load is None:
        return "-"
    return f"{load:.4g} requests/s" if answer.axis == Axis.RATE else f"concurrency {load:.4g}"
