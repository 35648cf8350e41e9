"""The steady state of a load level: its figures without the beginning and the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf

from nobs.stats import count_for_percentile, independent_count, percentile_interval
from nobs.tasks.chat.aggregate import is_rate_withheld, request_of, total_of
from nobs.tasks.chat.client.record import ChatRecord, nearest_rank
from nobs.tasks.chat.levels import MIN_REQUESTS, RATE_SECONDS, Level
from nobs.tasks.chat.load_report import Percentile, SteadyState, SteadyTimes

RAMP_SHARE = 0.2
"""Of the requests of a rate; they are left out at least."""
SPARE = 1.4
"""Requests for each one that a percentile needs: they aren't all independent."""
PER_CLIENT = 2
"""Steady requests of each client at least."""
SLOW_SHARE = 0.8
"""Percentile above which requests count as slow, to see how long they stay so."""


def requests_for(
    level: Level, share: float, prompts: int, *, settle_s: float, level_s: float = RATE_SECONDS
) -> int:
    """Return how many requests are sent at a level to judge a promise for `share` of them."""
    # Half of them may be beginning and end, and a steady state has MIN_REQUESTS at least.
    needed = max(prompts, 2 * MIN_REQUESTS, ceil(SPARE * count_for_percentile(share)))
    if level.rate_per_s is None:
        clients = level.concurrency or 1
        return max(needed, PER_CLIENT * clients) + 2 * clients
    needed = max(needed, ceil(level.rate_per_s * level_s))
    return max(ceil(needed / (1 - RAMP_SHARE)), needed + ceil(level.rate_per_s * settle_s))


@dataclass(frozen=True, kw_only=True)
class SteadyPart:
    """The requests of a steady state, in the order of sending, and its time in ns."""

    records: Sequence[ChatRecord]
    start_ns: int
    end_ns: int

    @property
    def duration_s(self) -> float:
        """Return its length in seconds."""
        return (self.end_ns - self.start_ns) / 1e9

    def is_in(self, at_ns: int) -> bool:
        """Return whether a moment belongs to it."""
        return self.start_ns < at_ns <= self.end_ns


def steady_part(
    level: Level, records: Sequence[ChatRecord], settle_s: float = 0.0
) -> SteadyPart | None:
    """Return the steady requests; None if there are too few.

    Requests that found no connection have no time; they count, at the end of the others.
    """
    timed = [(record.stamps, record) for record in records if record.stamps]
    sent = sorted(timed, key=lambda each: each[0].sent_at_ns)
    lost = [record for record in records if record.stamps is None]
    if not sent:
        return None
    first_ns, last_ns = sent[0][0].sent_at_ns, sent[-1][0].sent_at_ns
    ramp = level.concurrency or ceil(RAMP_SHARE * len(sent))
    if level.concurrency is None:
        settled_ns = first_ns + settle_s * 1e9
        ramp = max(ramp, sum(stamps.sent_at_ns < settled_ns for stamps, _ in sent))
    drain = sum(stamps.ended_at_ns > last_ns for stamps, _ in sent)
    end = max(len(sent) - drain, (ramp + len(sent)) // 2)
    if end - ramp < MIN_REQUESTS or end >= len(sent):
        return None
    return SteadyPart(
        records=[record for _, record in sent[ramp:end]] + lost,
        start_ns=sent[ramp][0].sent_at_ns,
        end_ns=sent[end][0].sent_at_ns,
    )


def steady_figures(part: SteadyPart, records: Sequence[ChatRecord]) -> SteadyState:
    """Return the figures of a steady state; `records` are all of the level."""
    stamps = [record.stamps for record in records if record.stamps]
    first_ns = min(each.sent_at_ns for each in stamps)
    whole = [record.figures for record in part.records if record.figures]
    ended = [
        r.figures for r in records if r.stamps and r.figures and part.is_in(r.stamps.ended_at_ns)
    ]
    input_tokens = total_of(ended, "input_tokens")
    busy_ns = sum(
        max(0, min(s.ended_at_ns, part.end_ns) - max(s.sent_at_ns, part.start_ns)) for s in stamps
    )
    tpots = [figures.tpot_s for figures in whole if figures.tpot_s is not None]
    return SteadyState(
        start_s=(part.start_ns - first_ns) / 1e9,
        end_s=(part.end_ns - first_ns) / 1e9,
        requests=len(part.records),
        requests_per_sec=len(ended) / part.duration_s,
        tokens_per_sec=_tokens_per_sec(part, records),
        input_tokens_per_sec=input_tokens / part.duration_s if input_tokens else None,
        mean_in_flight=busy_ns / 1e9 / part.duration_s,
        ttft=_times([figures.ttft_s for figures in whole]),
        tpot=_times(tpots),
        latency=_times([figures.total_latency_s for figures in whole]),
    )


def slow_marks(values: Sequence[float], limit: float = inf) -> list[bool]:
    """Mark the slowest fifth of `values`, and all above `limit` if those are more.

    Those below half of the limit aren't slow: however they vary, they say nothing about it.
    """
    slowest = nearest_rank(sorted(values), SLOW_SHARE)
    bound = slowest if limit == inf else min(limit, max(slowest, limit / 2))
    return [value > bound for value in values]


def _times(values: Sequence[float]) -> SteadyTimes | None:
    if not values:
        return None
    ordered, count = sorted(values), independent_count(slow_marks(values))
    p50, p95, p99 = (_percentile(ordered, share, count) for share in (0.5, 0.95, 0.99))
    return SteadyTimes(p50=p50, p95=p95, p99=p99)


def _percentile(ordered: Sequence[float], share: float, count: float) -> Percentile | None:
    ends = percentile_interval(ordered, share, count)
    if ends is None:
        return None
    return Percentile(value_s=nearest_rank(ordered, share), low_s=ends[0], high_s=ends[1])


def _tokens_per_sec(part: SteadyPart, records: Sequence[ChatRecord]) -> float | None:
    """Return the tokens that arrived in the time of `part`, per second."""
    answers = [request_of(record, 0, 0) for record in records if record.figures]
    if is_rate_withheld(answers):
        return None
    tokens = 0.0
    for record in records:
        if record.stamps and record.figures:
            at_ns = [record.stamps.sent_at_ns + token for token in record.stamps.token_ns]
            tokens += record.figures.output_tokens * sum(map(part.is_in, at_ns)) / len(at_ns)
    return tokens / part.duration_s
