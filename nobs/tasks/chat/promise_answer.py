"""From the levels of a load to the answer to a latency promise; pure."""

from collections.abc import Callable, Sequence
from math import exp, inf, log

from nobs.tasks.chat.aggregate import MAX_FAILED_SHARE
from nobs.tasks.chat.client.record import ChatRecord
from nobs.tasks.chat.guard import STOPPED
from nobs.tasks.chat.kept import FAILS, HOLDS, judge
from nobs.tasks.chat.levels import Level
from nobs.tasks.chat.load_checks import client_limit
from nobs.tasks.chat.load_report import LoadLevel, PromiseAnswer
from nobs.tasks.chat.promise import Promise
from nobs.tasks.chat.search import Axis, Ended, Seen, next_load
from nobs.tasks.chat.steady import steady_figures, steady_part

MIN_SENT = 0.8
"""Share of a rate that must be reached; else the sender is the limit."""
NEAR = 2.0
"""Ratio to the bound within which levels determine it."""
type Share = tuple[float, float, float]
"""Load, share of kept requests, number of independent ones."""
type Measure = Callable[[LoadLevel], float | None]


def with_promise(
    figures: LoadLevel, records: Sequence[ChatRecord], promise: Promise, settle_s: float = 0.0
) -> LoadLevel:
    """Return the figures of a level with those of its steady state, and how many kept `promise`."""
    part = steady_part(figures.asked, records, settle_s)
    if part is None:
        return figures
    kept = judge(part, promise, figures.ended_early)
    return figures.model_copy(update={"steady": steady_figures(part, records), "promise": kept})


def search_promise(
    levels: Sequence[LoadLevel], promise: Promise, axis: Axis, measure: Callable[[Level], object]
) -> PromiseAnswer:
    """Measure levels until the highest load with the promise is found, and return the answer.

    `levels` are those measured so far; `measure` adds one to them.
    """
    while True:
        seen = [seen_of(each, promise) for each in levels if is_on(each, axis)]
        step = next_load(seen, axis)
        if isinstance(step, Ended):
            return answer_of(levels, promise, axis, step)
        is_rate = axis is Axis.RATE
        measure(Level(rate_per_s=step) if is_rate else Level(concurrency=int(step)))


def is_on(level: LoadLevel, axis: Axis) -> bool:
    """Return whether a level's load is of `axis`."""
    return (level.rate_per_s is not None) is (axis is Axis.RATE)


def seen_of(level: LoadLevel, promise: Promise) -> Seen:
    """Return what the search goes by of one level."""
    steady, kept = level.steady, level.promise
    return Seen(
        load=_load(level),
        is_kept=bool(kept and not level.ended_early and kept.share >= promise.share),
        throughput=(steady.tokens_per_sec or steady.requests_per_sec) if steady else 0.0,
        in_flight=steady.mean_in_flight if steady else 0.0,
        is_sent=_is_sent(level),
        is_over=bool(level.ended_early),
        verdict=verdict_at(level),
        is_dead=level.ended_early == STOPPED or level.failed == level.requests,
    )


def answer_of(
    levels: Sequence[LoadLevel], promise: Promise, axis: Axis, ended: str
) -> PromiseAnswer:
    """Return the answer that follows from the levels of `axis`; the others are left out."""
    on_axis = sorted((level for level in levels if is_on(level, axis)), key=_load)
    sent = [level for level in on_axis if _is_sent(level)]
    fails_at = min((_load(each) for each in sent if verdict_at(each) == FAILS), default=None)
    held = [_load(each) for each in sent if verdict_at(each) == HOLDS]
    holds_at = max((at for at in held if fails_at is None or at < fails_at), default=None)
    peak = _best(on_axis, _throughput(on_axis))
    good = _best(on_axis, lambda each: each.promise.goodput_per_sec if each.promise else None)
    system = _best(on_axis, lambda each: _system_rate(each, promise))
    steady = peak.steady if peak else None
    return PromiseAnswer(
        promise=promise, axis=axis, ended=ended, fails_at=fails_at,
        holds_at=holds_at, estimate=_estimate(sent, promise, holds_at or 0.0, fails_at or inf),
        peak_at=_load(peak) if peak else None,
        peak_requests_per_sec=steady.requests_per_sec if steady else None,
        peak_tokens_per_sec=steady.tokens_per_sec if steady else None,
        goodput_at=_load(good) if good else None,
        goodput_per_sec=good.promise.goodput_per_sec if good and good.promise else None,
        user_tokens_per_sec=1 / promise.tpot_s if promise.tpot_s else None,
        system_at=_load(system) if system else None,
        system_tokens_per_sec=_system_rate(system, promise) if system else None,
    )  # fmt: skip


def _load(level: LoadLevel) -> float:
    return float(level.rate_per_s or level.concurrency or 0)


def verdict_at(level: LoadLevel) -> str:
    """Return the verdict; a level without a steady state fails if it ended early or all failed."""
    if level.promise is not None:
        return level.promise.verdict
    return FAILS if level.ended_early or level.failed == level.requests else ""


def _is_sent(level: LoadLevel) -> bool:
    """Return whether the client sent a level as planned and wasn't the limit."""
    if client_limit(level) is not None or (level.client is not None and level.client.error):
        return False
    if level.rate_per_s is None or level.ended_early or level.arrival_rate_per_s is None:
        return True
    return level.arrival_rate_per_s >= MIN_SENT * level.rate_per_s


def _best(levels: Sequence[LoadLevel], measure: Measure) -> LoadLevel | None:
    """Return the level with the highest value, of those at which hardly any request failed."""
    found = [
        (value, level)
        for level in levels
        if level.failed <= MAX_FAILED_SHARE * level.requests
        and (value := measure(level)) is not None
    ]
    return max(found, key=lambda each: each[0])[1] if found else None


def _throughput(levels: Sequence[LoadLevel]) -> Measure:
    """Return the measure of throughput: requests per second if some levels have no tokens."""
    has_tokens = all(level.steady.tokens_per_sec is not None for level in levels if level.steady)

    def measure(level: LoadLevel) -> float | None:
        if level.steady is None:
            return None
        return level.steady.tokens_per_sec if has_tokens else level.steady.requests_per_sec

    return measure


def _system_rate(level: LoadLevel, promise: Promise) -> float | None:
    """Return tokens per second of a level at which enough users get theirs; None at others."""
    kept, steady = level.promise, level.steady
    if kept is None or steady is None or kept.fast is None or level.ended_early:
        return None
    is_fast = kept.fast >= promise.share * steady.requests
    return steady.tokens_per_sec if is_fast else None


def _estimate(
    levels: Sequence[LoadLevel], promise: Promise, low: float, high: float
) -> float | None:
    """Return the load at which the kept share falls below that of the promise.

    The shares are made monotonic and interpolated; a logistic line through all levels up to a
    factor of two from there evens out chance, if it isn't outside of what is certain.
    """
    points = [
        (_load(level), _share(level, promise), level.promise.independent)
        for level in levels
        if level.promise is not None
    ]
    crossing = _crossing(points, promise.share)
    if crossing is None:
        return None
    near = [
        (_load(level), level.promise.share, level.promise.independent)
        for level in levels
        if level.promise is not None and not level.ended_early
        and crossing / NEAR <= _load(level) <= crossing * NEAR
    ]  # fmt: skip
    found = _logistic_crossing(near, promise.share)
    return found if found is not None and low < found < high else crossing


def _crossing(points: Sequence[Share], share: float) -> float | None:
    """Return where shares fall below `share`; None if they don't, or all are below.

    Adjacent violators are pooled, weighted by independent requests.
    """
    pooled: list[tuple[list[float], float, float]] = []
    for x, kept, weight in points:
        block = ([x], kept, weight)
        while pooled and pooled[-1][1] <= block[1]:
            xs, before, heavy = pooled.pop()
            total = heavy + block[2]
            block = (xs + block[0], (before * heavy + block[1] * block[2]) / total, total)
        pooled.append(block)
    flat = [(x, kept) for xs, kept, _ in pooled for x in xs]
    index = next((n for n, (_, kept) in enumerate(flat) if kept < share), len(flat))
    if index in (0, len(flat)):
        return None
    (low, kept), (high, broken) = flat[index - 1], flat[index]
    return exp(log(low) + (log(high) - log(low)) * (kept - share) / (kept - broken))


def _logistic_crossing(points: Sequence[Share], share: float) -> float | None:
    """Return where a weighted line through the empirical logits of the shares reaches `share`.

    None with fewer than three levels, or if the line doesn't fall or reaches it outside of them.
    Source: Cox 1970, Analysis of Binary Data, 3.2.
    """
    if len(points) < 3:
        return None
    rows = []
    for load, kept, count in points:
        p = (kept * count + 0.5) / (count + 1)
        rows.append((load, log(p / (1 - p)), count * p * (1 - p)))
    total = sum(weight for *_, weight in rows)
    x, y = (sum(row[n] * row[2] for row in rows) / total for n in (0, 1))
    slope = sum(w * (load - x) * logit for load, logit, w in rows)
    if slope >= 0:
        return None
    slope /= sum(w * (load - x) ** 2 for load, _, w in rows)
    found = x + (log(share / (1 - share)) - y) / slope
    return found if rows[0][0] <= found <= rows[-1][0] else None


def _share(level: LoadLevel, promise: Promise) -> float:
    """Return the kept share; none at a level whose queue grew, however many did at first."""
    share = level.promise.share if level.promise else 0.0
    return 0.0 if level.ended_early and share >= promise.share else share
