"""Which load to measure next to find the highest one at which a promise holds; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from nobs.tasks.chat.kept import FAILS, HOLDS, UNDECIDED
from nobs.tasks.chat.levels import GROWTH, SWEEP_LIMIT

PRECISION = 1.1
"""Ratio of neighbouring levels at which bisection ends."""
MARGIN = 1.2
"""Ratio to the bound at which the promise is tried again if no nearer level is certain."""
TRIES = 3
"""Measurements of a level at which the client was the limit."""
ALONE = 0.1
"""Requests in flight below which a still lower rate can't help."""


class Axis(StrEnum):
    """What a search raises."""

    CONCURRENCY = "concurrency"
    RATE = "rate_per_s"


class Ended(StrEnum):
    """Why a search ended."""

    FOUND = "found"
    NEVER_FAILS = "never fails"
    NEVER_HOLDS = "never holds"
    STOPPED = "stopped answering"
    SENDER = "sender"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the search goes by of one level."""

    load: float
    is_kept: bool
    """Whether enough of its requests kept the promise; not necessarily with confidence."""
    throughput: float
    in_flight: float = 1.0
    """Mean of its requests in flight."""
    is_sent: bool = True
    """Whether its requests were sent as planned, not limited by the sender."""
    is_over: bool = False
    """Whether it ended early."""
    is_dead: bool = False
    """Whether no request was answered any more."""
    verdict: str = UNDECIDED
    """With confidence."""


def next_load(seen: Sequence[Seen], axis: Axis) -> float | Ended:
    """Return the load to measure after `seen` (in the order of time), or why the search ends.

    The load is doubled until the promise fails and the throughput no longer grows, halved while
    it fails at all levels, then bisected. The bound lies between two levels then, but they may be
    too near to it for certainty: one more is measured on either side where none is certain.
    Levels at which the client was the limit don't count; they are tried again.
    """
    if not seen:
        return 1.0
    if seen[-1].is_dead:
        return Ended.STOPPED
    tried = [level.load for level in seen]
    if not seen[-1].is_sent and tried.count(tried[-1]) < TRIES:
        return tried[-1]
    step = _next(seen, axis)
    return Ended.SENDER if step in tried else step


def _next(seen: Sequence[Seen], axis: Axis) -> float | Ended:
    levels = sorted((level for level in seen if level.is_sent), key=lambda level: level.load)
    is_top_sent = bool(levels) and levels[-1].load == max(level.load for level in seen)
    if is_top_sent and _goes_higher(levels, axis):
        return 2 * levels[-1].load
    failing = next((level for level in levels if not level.is_kept), None)
    if failing is None:
        return Ended.NEVER_FAILS if is_top_sent else Ended.SENDER
    below = [level.load for level in levels if level.load < failing.load]
    if not below:
        return _lower(failing, axis)
    middle = _between(below[-1], failing.load, axis)
    return _unsure(levels, below[-1], failing.load, axis) if middle is Ended.FOUND else middle


def _goes_higher(levels: Sequence[Seen], axis: Axis) -> bool:
    *lower, top = levels
    if top.is_over or (axis is Axis.CONCURRENCY and 2 * top.load > SWEEP_LIMIT):
        return False
    best = max((level.throughput for level in lower), default=0.0)
    return top.is_kept or top.throughput > GROWTH * best


def _between(low: float, high: float, axis: Axis) -> float | Ended:
    if axis is Axis.RATE:
        return Ended.FOUND if high / low <= PRECISION else sqrt(low * high)
    return Ended.FOUND if high - low <= max(1.0, (PRECISION - 1) * low) else (low + high) // 2


def _unsure(levels: Sequence[Seen], low: float, high: float, axis: Axis) -> float | Ended:
    """Return a load at which the verdict may be certain, unless there is one or it was measured."""
    below, above = low / MARGIN, high * MARGIN
    if axis is Axis.CONCURRENCY:
        below, above = float(max(1, int(below))), float(int(above) + 1)
    near = [level for level in levels if below <= level.load <= above]
    for target, verdict, is_side in (
        (below, HOLDS, [level.load <= low for level in near]),
        (above, FAILS, [level.load >= high for level in near]),
    ):
        side = [level for level, is_there in zip(near, is_side, strict=True) if is_there]
        is_measured = any(level.load == target for level in side)
        if not is_measured and all(level.verdict != verdict for level in side):
            return target
    return Ended.FOUND


def _lower(level: Seen, axis: Axis) -> float | Ended:
    if level.in_flight < ALONE or (axis is Axis.CONCURRENCY and level.load <= 1):
        return Ended.NEVER_HOLDS
    return level.load / 2 if axis is Axis.RATE else float(level.load // 2)
