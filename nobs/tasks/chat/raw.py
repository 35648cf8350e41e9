"""Between the records of requests and their compact form in a share's report; pure."""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate

from nobs.tasks.chat.aggregate import MAX_FAILED_SHARE, gaps_of
from nobs.tasks.chat.client.record import (
    ChatRecord,
    Figures,
    Percentiles,
    Stamps,
    TokenCountSource,
)
from nobs.tasks.chat.share_report import LAST_CLASS, GapCounts, RawRequests

WIDTH = 1.005
"""Ratio of neighbouring classes of gaps."""


def pack(records: Sequence[ChatRecord], start_ns: int) -> RawRequests:
    """Return `records` in their compact form; `start_ns` is the agreed start on their clock."""
    ordered = sorted(records, key=lambda record: record.stamps.sent_at_ns if record.stamps else 0)
    numbered = list(enumerate(ordered))
    all_figures = [record.figures for record in ordered]
    chunk_gaps, itl = gaps_of(ordered)
    return RawRequests(
        sent_ns=tuple(r.stamps.sent_at_ns - start_ns if r.stamps else None for r in ordered),
        ended_ns=tuple(r.stamps.ended_ns if r.stamps else None for r in ordered),
        ttft_ns=tuple(_ns(f.ttft_s) if f else None for f in all_figures),
        latency_ns=tuple(_ns(f.total_latency_s) if f else None for f in all_figures),
        tokens=tuple(f.output_tokens if f else 0 for f in all_figures),
        input_tokens=tuple(f.input_tokens if f else None for f in all_figures),
        streamed=tuple(f.streamed_tokens if f else 0 for f in all_figures),
        chunks=tuple(f.chunks if f else 0 for f in all_figures),
        chars=tuple(f.output_chars + f.reasoning_chars if f else 0 for f in all_figures),
        tokens_per_sec=tuple(f.tokens_per_sec if f else None for f in all_figures),
        failures={n: r.failure for n, r in numbered if r.failure is not None},
        coalesced=tuple(n for n, r in numbered if r.figures and r.figures.is_coalesced),
        conflicting=tuple(n for n, r in numbered if r.figures and r.figures.count_conflict),
        estimated=tuple(
            n for n, r in numbered if r.figures and r.figures.token_count_source.is_estimate
        ),
        chunk_gaps=count_gaps(chunk_gaps),
        itl=count_gaps(itl),
    )  # fmt: skip


def unpack(raw: RawRequests, start_ns: int = 0) -> list[ChatRecord]:
    """Return the records of `raw`, without the times between their tokens."""
    marks = (frozenset(raw.coalesced), frozenset(raw.conflicting), frozenset(raw.estimated))
    return [
        _record(raw, number, start_ns, [number in marked for marked in marks])
        for number in range(len(raw.sent_ns))
    ]


def _record(raw: RawRequests, number: int, start_ns: int, marks: Sequence[bool]) -> ChatRecord:
    is_coalesced, is_conflicting, is_estimated = marks
    sent_ns, ttft_ns, latency_ns = (
        column[number] for column in (raw.sent_ns, raw.ttft_ns, raw.latency_ns)
    )
    stamps = None
    if sent_ns is not None:
        stamps = Stamps(sent_at_ns=start_ns + sent_ns, ended_ns=raw.ended_ns[number])
    if number in raw.failures or ttft_ns is None or latency_ns is None:
        return ChatRecord(stamps=stamps, failure=raw.failures[number])
    rate = raw.tokens_per_sec[number]
    source = TokenCountSource.CHUNKS if is_estimated else TokenCountSource.USAGE
    figures = Figures(
        total_latency_s=latency_ns / 1e9, stream_end_s=(raw.ended_ns[number] or 0) / 1e9,
        ttft_s=ttft_ns / 1e9, ttfat_s=None, generation_time_s=(latency_ns - ttft_ns) / 1e9,
        input_tokens=raw.input_tokens[number] if raw.input_tokens else None,
        output_tokens=raw.tokens[number], reasoning_tokens=None,
        output_chars=raw.chars[number], reasoning_chars=0, streamed_tokens=raw.streamed[number],
        first_tokens=0.0, tokens_per_sec=rate, tokens_per_sec_least=None,
        tokens_per_sec_most=None, chars_per_sec=None, token_count_source=source,
        count_conflict="as its client found" if is_conflicting else "",
        chunks=raw.chunks[number], arrivals=0, is_coalesced=is_coalesced,
        tpot_s=1 / rate if rate else None, chunk_gaps=None, itl=None, model=None,
        finish_reason=None,
    )  # fmt: skip
    return ChatRecord(stamps=stamps, figures=figures)


def count_gaps(gaps_s: Sequence[float]) -> GapCounts:
    """Return how many of `gaps_s` are in each class."""
    found = sorted(Counter(map(_class_of, gaps_s)).items())
    return GapCounts(
        classes=tuple(number for number, _ in found), counts=tuple(count for _, count in found),
        max_s=max(gaps_s, default=0.0),
    )  # fmt: skip


def merge_gaps(counted: Iterable[GapCounts]) -> Percentiles | None:
    """Return the percentiles of all gaps together; None without gaps."""
    total, longest_s = Counter[int](), 0.0
    for each in counted:
        total.update(dict(zip(each.classes, each.counts, strict=True)))
        longest_s = max(longest_s, each.max_s)
    if not total:
        return None
    classes = sorted(total)
    ranks = list(accumulate(total[number] for number in classes))

    def gap_s(rank: int) -> float:
        return min(_middle_s(classes[bisect_left(ranks, rank)]), longest_s)

    count = ranks[-1]
    p95_s, p99_s = (gap_s(math.ceil(share * count)) for share in (0.95, 0.99))
    median_s = (gap_s((count + 1) // 2) + gap_s(count // 2 + 1)) / 2
    return Percentiles(median_s=median_s, p95_s=p95_s, p99_s=p99_s, max_s=longest_s)


def merged_gaps_of(
    raws: Sequence[RawRequests],
) -> tuple[Percentiles | None, Percentiles | None]:
    """Return chunk gaps and ITL of all requests; None if too many answers came in bursts."""
    whole = sum(len(raw.sent_ns) - len(raw.failures) for raw in raws)
    if sum(len(raw.coalesced) for raw in raws) > MAX_FAILED_SHARE * whole:
        return None, None
    return merge_gaps(raw.chunk_gaps for raw in raws), merge_gaps(raw.itl for raw in raws)


def _ns(time_s: float) -> int:
    return round(time_s * 1e9)


def _class_of(gap_s: float) -> int:
    if gap_s <= 0:
        return -1
    return min(max(0, round(math.log(gap_s * 1e9, WIDTH))), LAST_CLASS)


def _middle_s(number: int) -> float:
    return 1e-9 * WIDTH**number if number >= 0 else 0.0
