"""Contradictions in a share of a load, and in a load that was merged from shares."""

from collections.abc import Iterator

from nobs.tasks.chat.levels import levels_of, part_of
from nobs.tasks.chat.load_checks import is_same
from nobs.tasks.chat.load_figures import level_figures
from nobs.tasks.chat.load_report import LoadLevel, LoadTable
from nobs.tasks.chat.params import LoadParams
from nobs.tasks.chat.raw import unpack
from nobs.tasks.chat.share_report import LoadMerge, LoadShare, RawRequests

TOLERANCE = 1e-9
OF_RAW = (
    "requests", "failures", "duration_s", "tokens_per_sec", "requests_per_sec",
    "median_decode_tokens_per_sec", "median_latency_s", "p95_latency_s", "p99_latency_s",
    "median_ttft_s", "p95_ttft_s", "coalesced", "unreconciled", "mean_in_flight",
    "max_in_flight", "arrival_rate_per_s",
)  # fmt: skip
"""Figures of a level that follow from its raw requests."""


def share_contradictions_of(
    load: LoadTable, asked: LoadParams | None, *, has_repeats: bool
) -> Iterator[str]:
    """Yield every contradiction of a share with its raw requests, and of a merged load."""
    wanted = asked.share if asked else None
    found = load.share.share if load.share else None
    if found != wanted:
        yield f"load.share is {found or 'missing'}, but the workload has {wanted or 'none'}"
    elif asked is not None and load.share is not None:
        yield from _check_share(load, load.share, asked)
    if load.merged is not None:
        yield from _check_merged(load, load.merged, has_repeats=has_repeats)


def _check_share(load: LoadTable, found: LoadShare, asked: LoadParams) -> Iterator[str]:
    wholes = list(levels_of(asked))
    if not len(load.levels) == len(found.raw) == len(wholes):
        yield f"{len(load.levels)} levels and {len(found.raw)} of raw requests, not {len(wholes)}"
        return
    for number, (level, raw, whole) in enumerate(
        zip(load.levels, found.raw, wholes, strict=True), start=1
    ):
        own = part_of(found.share, whole)
        if (level.concurrency, level.rate_per_s) != (own.concurrency, own.rate_per_s):
            yield f"load level {number}: it isn't share {found.share} of {whole}"
        else:
            yield from (f"load level {number}: {fault}" for fault in _check_raw(level, raw))


def _check_raw(level: LoadLevel, raw: RawRequests) -> Iterator[str]:
    again = level_figures(level.asked, unpack(raw))
    for name in OF_RAW:
        reported, computed = getattr(level, name), getattr(again, name)
        if not is_same(reported, computed, TOLERANCE):
            yield f"{name} is {reported}, its raw requests give {computed}"


def _check_merged(load: LoadTable, merged: LoadMerge, *, has_repeats: bool) -> Iterator[str]:
    if has_repeats:
        yield "load.merged is of several clients, but there are repeats of one"
    if [share.index for share in merged.shares] != list(range(len(merged.shares))):
        yield "load.merged.shares aren't numbered from 0"
    if len(merged.overlaps) != len(load.levels):
        yield f"load.merged has {len(merged.overlaps)} overlaps for {len(load.levels)} levels"
    sent = sum(share.requests for share in merged.shares)
    if sent != sum(level.requests for level in load.levels):
        yield f"load.merged.shares have {sent} requests, which isn't the sum of the levels"
