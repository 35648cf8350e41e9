"""Figures of models: how each is read, formatted and compared."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nobs.schema import telemetry
from nobs.schema.report import Interval, ModelReport
from nobs.units import (
    format_bytes,
    format_money,
    format_rate,
    format_seconds,
    format_share,
    join_range,
)


class Kind(StrEnum):
    """Unit and format of a figure."""

    RATE = "rate"
    SECONDS = "seconds"
    BYTES = "bytes"
    SHARE = "share"
    COUNT = "count"
    MONEY = "money"
    """US dollars."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A value with its CI, if it has one."""

    value: float
    low: float | None = None
    high: float | None = None
    confidence: float | None = None


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The work that a figure is priced by: a rate counts it, or a time is that of one unit."""

    key: str
    """Name of the price in CSV and JSON, as in `usd_per_1000_rows`."""
    label: str
    """Heading of a column."""
    work: str
    """What the price buys, as in `1,000 rows`."""
    units: int = 1
    """Units of the figure in that work."""
    is_metered: bool = True
    """Whether the figure was measured in the repeats, whose power the sensors read."""


@dataclass(frozen=True, kw_only=True)
class Figure[M: ModelReport]:
    """One figure of a task's models."""

    key: str
    """Name in CSV and JSON; tasks may share a figure by using the same key."""
    label: str
    """Heading of a column."""
    title: str = ""
    """Heading of a chart, if the label doesn't suffice."""
    meaning: str = ""
    """Explanation below tables, if neither suffices."""
    kind: Kind
    read: Callable[[M], Measured | None]
    runs: Callable[[M], Sequence[float | None]] = lambda model: ()
    """Raw value of each repeat; figures with these are compared."""
    lower_is_better: bool = False
    is_charted: bool = True
    is_judged: bool = False
    """Whether the verdict is on its repeats, where a report has them, and not on the pass times:
    for workloads that measure something else, such as memory."""
    rule: Callable[[M], object] = lambda model: None
    """A value that is None in reports which compute the figure by an older rule; reports with
    different rules are not compared."""
    cost: Cost | None = None
    """The work that it is priced by, if readers of a report claim a price of the machine."""


_FORMATS: Mapping[Kind, Callable[[float], str]] = {
    Kind.RATE: format_rate,
    Kind.SECONDS: format_seconds,
    Kind.BYTES: format_bytes,
    Kind.SHARE: format_share,
    Kind.COUNT: "{:,.0f}".format,
    Kind.MONEY: format_money,
}


def format_value(figure: Figure[Any], value: float) -> str:
    """Return `value` for people."""
    return _FORMATS[figure.kind](value)


def measured(value: float | None, interval: Interval | None = None) -> Measured | None:
    """Return the value with its CI; None without a value."""
    if value is None:
        return None
    if interval is None:
        return Measured(value=float(value))
    return Measured(
        value=float(value), low=interval.low, high=interval.high, confidence=interval.confidence
    )


def ci_heading(intervals: Iterable[Interval | None]) -> str:
    """Return the heading of a column of CIs; few repeats reach less than 95 %."""
    least = min((each.confidence for each in intervals if each), default=0.95)
    return f"{100 * least:.0f} % CI"


def ci_cell(interval: Interval | None, write: Callable[[float], str]) -> str:
    """Return both ends of a CI for such a column."""
    return join_range(write(interval.low), write(interval.high)) if interval else "-"


def per_time(value: float | None, work: float | None, times: Interval | None) -> Measured | None:
    """Return a value that is `work` over a time, with the CI that follows from that of the time.

    It has no CI without `work`, or if the ends are invalid.
    """
    if value is None or not work or times is None or min(work, times.low, times.high) <= 0:
        return measured(value)
    low, high = work / times.high, work / times.low
    if not math.isfinite(high):
        return measured(value)
    return Measured(value=value, low=low, high=high, confidence=times.confidence)


def per_joule[M: ModelReport](
    unit: str, joules_per_1000: Callable[[M], telemetry.Figure | None]
) -> Figure[M]:
    """Return the figure of `unit` per joule, read from the joules per 1,000 units."""

    def read(model: M) -> Measured | None:
        energy = joules_per_1000(model)
        joules = energy.value if energy else None
        if joules is None or joules <= 0 or not math.isfinite(1000 / joules):
            return None
        return Measured(value=1000 / joules)

    return Figure(
        key=f"{unit}_per_joule",
        label=f"{unit}/J",
        title=f"{unit.capitalize()} per joule",
        kind=Kind.RATE,
        read=read,
    )


def cost_figures(figures: Sequence[Figure[Any]]) -> tuple[Figure[Any], ...]:
    """Return the figure of each cost of `figures`; readers of a report fill them in."""
    return tuple(
        Figure(
            key=cost.key, label=cost.label, meaning=f"US dollars per {cost.work}",
            kind=Kind.MONEY, lower_is_better=True, is_charted=False, read=lambda model: None,
        )
        for figure in figures
        if (cost := figure.cost)
    )  # fmt: skip


SCORE: Figure[ModelReport] = Figure(
    key="score", label="score", kind=Kind.RATE, is_charted=False, read=lambda model: None
)
"""Score of the whole task; readers of a report fill it in."""
COMMON: tuple[Figure[ModelReport], ...] = (
    SCORE,
    Figure(key="peak_device_bytes", label="device memory", kind=Kind.BYTES, lower_is_better=True,
           is_charted=False, read=lambda model: measured(model.memory.device_peak_allocated_bytes)),
    Figure(key="peak_rss_bytes", label="memory", kind=Kind.BYTES, lower_is_better=True,
           is_charted=False, read=lambda model: measured(model.memory.peak_rss_bytes)),
)  # fmt: skip
"""Figures of every task, after its own."""
