"""Figures of load levels, and the concurrency at which throughput saturates."""

from collections import Counter
from collections.abc import Sequence

from nobs.stats import median_of
from nobs.tasks.chat.aggregate import (
    is_rate_withheld,
    pool_gaps,
    request_of,
    total_of,
    unreconciled_of,
)
from nobs.tasks.chat.client.record import ChatRecord, Stamps, nearest_rank, p99_of
from nobs.tasks.chat.levels import GROWTH, Level
from nobs.tasks.chat.load_checks import client_limit
from nobs.tasks.chat.load_report import LoadLevel

MAX_ERROR = 200
"""Characters of the first error of a level."""


def level_figures(level: Level, records: Sequence[ChatRecord]) -> LoadLevel:
    """Return the figures of one level; failed requests have no times."""
    whole = [record.figures for record in records if record.figures is not None]
    stamps = [record.stamps for record in records if record.stamps is not None]
    duration_s = _duration_s(stamps)
    latencies = sorted(figures.total_latency_s for figures in whole)
    ttfts = sorted(figures.ttft_s for figures in whole)
    answers = [request_of(record, 0, 0) for record in records if record.figures is not None]
    tokens = sum(figures.output_tokens for figures in whole)
    input_tokens = total_of(whole, "input_tokens")
    rates = [figures.tokens_per_sec for figures in whole if figures.tokens_per_sec]
    is_counted = not is_rate_withheld(answers)
    chunk_gaps, itl = pool_gaps(records)
    busy_s = sum(s.ended_ns or 0 for s in stamps) / 1e9
    return LoadLevel(
        concurrency=level.concurrency,
        rate_per_s=level.rate_per_s,
        requests=len(records),
        failures=dict(Counter(str(r.failure) for r in records if r.failure is not None)),
        first_error=next((r.error[:MAX_ERROR] for r in records if r.failure is not None), ""),
        duration_s=duration_s,
        tokens_per_sec=tokens / duration_s if duration_s and is_counted else None,
        input_tokens_per_sec=input_tokens / duration_s if duration_s and input_tokens else None,
        median_decode_tokens_per_sec=median_of(rates) if is_counted else None,
        requests_per_sec=len(whole) / duration_s if duration_s else None,
        median_latency_s=median_of(latencies),
        p95_latency_s=nearest_rank(latencies, 0.95) if latencies else None,
        p99_latency_s=p99_of(latencies),
        median_ttft_s=median_of(ttfts),
        p95_ttft_s=nearest_rank(ttfts, 0.95) if ttfts else None,
        chunk_gaps=chunk_gaps,
        itl=itl,
        coalesced=sum(figures.is_coalesced for figures in whole),
        unreconciled=unreconciled_of(answers),
        mean_in_flight=busy_s / duration_s if duration_s else None,
        max_in_flight=_max_in_flight(stamps),
        arrival_rate_per_s=_arrival_rate(stamps),
    )


def grew(levels: Sequence[LoadLevel]) -> bool:
    """Return whether throughput still grew at the last level of a sweep."""
    before, last = [0.0, *_throughputs(levels)][-2:] if levels else (0.0, 0.0)
    return last > GROWTH * before


def knee_of(levels: Sequence[LoadLevel]) -> int | None:
    """Return the concurrency at which the throughput of a sweep saturates.

    None if the client was the limit where throughput stopped growing: that says nothing about the
    server.
    """
    if levels and client_limit(levels[-1]) is not None:
        return None
    best, reached = None, 0.0
    for level, rate in zip(levels, _throughputs(levels), strict=True):
        if rate > GROWTH * reached:
            best, reached = level.concurrency, rate
    return best


def _throughputs(levels: Sequence[LoadLevel]) -> list[float]:
    """Return tokens per second of each level; requests per second if some have none."""
    tokens = [level.tokens_per_sec for level in levels]
    if None in tokens:
        tokens = [level.requests_per_sec for level in levels]
    return [rate or 0.0 for rate in tokens]


def _duration_s(stamps: Sequence[Stamps]) -> float:
    """Return the seconds from the first request to the end of the last answer."""
    if not stamps:
        return 0.0
    return (max(s.ended_at_ns for s in stamps) - min(s.sent_at_ns for s in stamps)) / 1e9


def _max_in_flight(stamps: Sequence[Stamps]) -> int:
    """Return the maximum of concurrent requests; at equal times ends come first."""
    events = [(s.sent_at_ns, 1) for s in stamps] + [(s.ended_at_ns, -1) for s in stamps]
    count = most = 0
    for _, step in sorted(events):
        count += step
        most = max(most, count)
    return most


def _arrival_rate(stamps: Sequence[Stamps]) -> float | None:
    sent = sorted(s.sent_at_ns for s in stamps)
    span_ns = sent[-1] - sent[0] if sent else 0
    return (len(sent) - 1) / (span_ns / 1e9) if span_ns else None
