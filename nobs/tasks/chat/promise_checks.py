"""Contradictions in the answer to a latency promise."""

from collections.abc import Iterator, Sequence

from nobs.tasks.chat.kept import kept_interval, verdict_of
from nobs.tasks.chat.load_checks import is_same
from nobs.tasks.chat.load_report import (
    Kept,
    LoadLevel,
    LoadTable,
    Percentile,
    SteadyState,
    SteadyTimes,
)
from nobs.tasks.chat.params import LoadParams
from nobs.tasks.chat.promise import Promise
from nobs.tasks.chat.promise_answer import answer_of
from nobs.tasks.chat.search import Axis, Ended

SLACK_S = 1e-6


def promise_contradictions_of(load: LoadTable, asked: LoadParams | None) -> Iterator[str]:
    """Yield contradictions of the answer with the levels and with what was `asked`."""
    promise = load.promise.promise if load.promise else None
    if asked is not None and asked.slo != promise:
        yield f"load.promise is {promise or 'missing'}, but the workload has {asked.slo or 'none'}"
        return
    faults = [
        f"load level {number}: {fault}"
        for number, level in enumerate(load.levels, start=1)
        for fault in _check_level(level, promise)
    ]
    yield from faults
    if not faults and promise is not None:
        yield from _check_answer(load)


def _check_answer(load: LoadTable) -> Iterator[str]:
    answer = load.promise
    if answer is None:
        return
    if answer.axis not in {*Axis} or answer.ended not in {*Ended}:
        yield f"load.promise has the axis {answer.axis} and ended as {answer.ended}"
        return
    found = answer_of(load.levels, answer.promise, Axis(answer.axis), answer.ended)
    for name, value in answer:
        expected = getattr(found, name)
        if not is_same(value, expected):
            yield f"load.promise.{name} is {value}, but the levels give {expected}"


def _check_level(level: LoadLevel, promise: Promise | None) -> Iterator[str]:
    steady, kept = level.steady, level.promise
    if (steady is None) != (kept is None) or (promise is None and kept is not None):
        yield "steady and promise must be given together, and only with a promise"
        return
    is_idle = level.concurrency == 0 and not level.requests  # the level of a share without any
    if not is_idle and not (level.concurrency or 0) > 0 and not (level.rate_per_s or 0) > 0:
        yield "it has neither a concurrency nor a rate above 0"
        return
    if steady is not None and kept is not None and promise is not None:
        faults = [*_check_steady(level, steady)]
        yield from faults or _check_kept(kept, steady, promise, level.ended_early)


def _check_steady(level: LoadLevel, steady: SteadyState) -> Iterator[str]:
    if not 0 <= steady.start_s < steady.end_s <= level.duration_s + SLACK_S:
        yield "its steady state isn't within its duration"
    if not 0 < steady.requests <= level.requests:
        yield f"{steady.requests} steady requests of {level.requests}"
    if not 0 <= steady.mean_in_flight <= level.max_in_flight + SLACK_S:
        yield "steady.mean_in_flight is more than max_in_flight"
    for name in ("ttft", "tpot", "latency"):
        times: SteadyTimes | None = getattr(steady, name)
        if times is not None and not _is_ordered([times.p50, times.p95, times.p99]):
            yield f"steady.{name} isn't in ascending order, or not within its CIs"


def _check_kept(kept: Kept, steady: SteadyState, promise: Promise, ended: str) -> Iterator[str]:
    requests = steady.requests
    counts = (kept.kept, kept.unknown, requests - kept.kept - kept.unknown)
    if min(counts) < 0 or not 0 < kept.independent <= requests + SLACK_S:
        yield f"{kept.kept} kept and {kept.unknown} unknown of {requests} steady requests"
        return
    low, high = kept_interval(kept.kept, kept.unknown, requests, kept.independent)
    length_s = steady.end_s - steady.start_s
    expected = {
        "share": kept.kept / requests, "low": low, "high": high,
        "goodput_per_sec": kept.kept / length_s,
        "verdict": verdict_of(low, high, promise.share, ended),
    }  # fmt: skip
    for name, value in expected.items():
        if not is_same(getattr(kept, name), value):
            yield f"promise.{name} is {getattr(kept, name)}, but the requests give {value}"
    if (kept.fast is None) != (promise.tpot_s is None) or not 0 <= (kept.fast or 0) <= requests:
        yield f"promise.fast is {kept.fast} of {requests} steady requests"


def _is_ordered(found: Sequence[Percentile | None]) -> bool:
    given = [each for each in found if each is not None]
    values = [each.value_s for each in given]
    is_within = all(0 <= each.low_s <= each.value_s <= each.high_s for each in given)
    return is_within and values == sorted(values)
