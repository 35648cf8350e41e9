"""How many requests of a load level kept a latency promise, and whether it holds."""

import math
from collections.abc import Sequence

from nobs.stats import independent_count, share_interval
from nobs.tasks.chat.client.record import ChatRecord
from nobs.tasks.chat.load_report import Kept
from nobs.tasks.chat.promise import Promise
from nobs.tasks.chat.steady import SteadyPart, slow_marks

HOLDS, FAILS, UNDECIDED = "holds", "fails", "undecided"


def judge(part: SteadyPart, promise: Promise, ended_early: str = "") -> Kept:
    """Return how many requests of a steady state kept `promise`, and the verdict."""
    uses = [promise.use_of(record.figures) for record in part.records]
    known = [math.inf if use is None else use for use in uses]
    kept, unknown = sum(use <= 1 for use in known), sum(use is None for use in uses)
    count = independent_count(slow_marks(known, limit=1.0))
    low, high = kept_interval(kept, unknown, len(uses), count)
    return Kept(
        kept=kept, unknown=unknown, share=kept / len(uses), low=low, high=high, independent=count,
        goodput_per_sec=kept / part.duration_s, fast=_fast(part.records, promise.tpot_s),
        verdict=verdict_of(low, high, promise.share, ended_early),
    )  # fmt: skip


def kept_interval(kept: int, unknown: int, requests: int, count: float) -> tuple[float, float]:
    """Return the CI of the share of requests that keep a promise.

    Unknown requests count as broken for its lower end and as kept for its upper one. `count` of the
    requests are independent.
    """
    low, _ = share_interval(kept / requests, count)
    _, high = share_interval((kept + unknown) / requests, count)
    return low, high


def verdict_of(low: float, high: float, share: float, ended_early: str = "") -> str:
    """Return the verdict on a level whose CI of the kept share is `low` to `high`."""
    if ended_early or high < share:
        return FAILS
    return HOLDS if low >= share else UNDECIDED


def _fast(records: Sequence[ChatRecord], tpot_s: float | None) -> int | None:
    """Return the number of requests whose TPOT was within its limit; None without one."""
    if tpot_s is None:
        return None
    tpots = [record.figures.tpot_s for record in records if record.figures]
    return sum(found is not None and found <= tpot_s for found in tpots)
