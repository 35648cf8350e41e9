"""Latency promises (SLOs) of a load: `--slo ttft=1s,tpot=50ms@p99`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field

from nobs.errors import UsageError
from nobs.schema.base import Record
from nobs.tasks.chat.client.record import Figures
from nobs.units import format_seconds

DEFAULT_SHARE = 0.95
SHARES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_UNITS: Mapping[str, float] = {"s": 1.0, "ms": 1e-3}
_LIMIT = re.compile(r"\s*(\w+)\s*=\s*([0-9]*\.?[0-9]+)\s*(\w*)\s*")
_REMEDY = "Write for example --slo ttft=1s,tpot=50ms, or --slo latency=20s@p99."


class Promise(Record):
    """Limits that `share` of the requests must keep, each request all of them."""

    ttft_s: float | None = Field(None, gt=0)
    """To the first token."""
    tpot_s: float | None = Field(None, gt=0)
    """Time per output token after the first arrival."""
    itl_s: float | None = Field(None, gt=0)
    """p99 of the answer's own inter-token latencies; in answers with fewer than 100 the longest."""
    latency_s: float | None = Field(None, gt=0)
    """To the last token."""
    share: float = Field(DEFAULT_SHARE, gt=0, lt=1)
    """Share of the requests: 0.95 for `@p95`. A failed request breaks the promise."""

    def __str__(self) -> str:
        """Return it as on the command line."""
        limits = ",".join(f"{name}={_short(limit_s)}" for name, limit_s in self.limits())
        return f"{limits}@p{100 * self.share:g}"

    def limits(self) -> Iterator[tuple[str, float]]:
        """Yield name and seconds of each limit."""
        for name in ("ttft", "tpot", "itl", "latency"):
            limit_s = getattr(self, f"{name}_s")
            if limit_s is not None:
                yield name, limit_s

    def use_of(self, figures: Figures | None) -> float | None:
        """Return the largest share of a limit that an answer used: it kept all up to 1.

        Infinity for a failed request (None). None if it isn't known: the answer came at once or in
        bursts, so that it has no TPOT or ITL, and it broke no other limit.
        """
        if figures is None:
            return float("inf")
        itl_s = figures.itl.p99_s if figures.itl else None
        times = {"ttft": figures.ttft_s, "tpot": figures.tpot_s, "itl": itl_s,
                 "latency": figures.total_latency_s}  # fmt: skip
        used = {
            name: time_s / limit_s
            for name, limit_s in self.limits()
            if (time_s := times[name]) is not None
        }
        most = max(used.values(), default=0.0)
        return most if most > 1 or len(used) == len(list(self.limits())) else None


def parse_promise(text: str) -> Promise:
    """Return the promise written in `text`; UsageError names the part that is wrong."""
    limits, at, percentile = text.partition("@")
    if at and percentile.strip().lower() not in SHARES:
        raise UsageError(
            f"--slo has the percentile {percentile.strip()!r}.",
            f"Choose one of {', '.join(SHARES)}, once and at the end, as in ttft=1s,tpot=50ms@p99.",
        )
    found: dict[str, Any] = {}
    for part in limits.split(","):
        name, limit_s = _limit_of(part)
        if name in found:
            raise UsageError(f"--slo has {name.removesuffix('_s')} twice.", _REMEDY)
        found[name] = limit_s
    return Promise(**found, share=SHARES.get(percentile.strip().lower(), DEFAULT_SHARE))


def _limit_of(part: str) -> tuple[str, float]:
    match = _LIMIT.fullmatch(part)
    if match is None:
        raise UsageError(f"--slo has the part {part!r}, which isn't NAME=TIME.", _REMEDY)
    name, number, unit = match.groups()
    if f"{name}_s" not in {"ttft_s", "tpot_s", "itl_s", "latency_s"}:
        raise UsageError(
            f"--slo doesn't know {name!r}.", "Choose from ttft, tpot, itl and latency."
        )
    if unit not in _UNITS:
        raise UsageError(
            f"--slo has {name}={number}{unit}: the unit {unit!r} isn't s or ms." if unit
            else f"--slo has {name}={number} without a unit.",
            _REMEDY,
        )  # fmt: skip
    if float(number) <= 0:
        raise UsageError(f"--slo has {name}={number}{unit}: a limit must be above 0.", _REMEDY)
    return f"{name}_s", float(number) * _UNITS[unit]


def _short(seconds: float) -> str:
    return f"{seconds:g}s" if seconds >= 1 else f"{seconds * 1e3:g}ms"


def format_promise(promise: Promise) -> str:
    """Return the promise in words, as in `95 % of requests: TTFT up to 1.00 s`."""
    named = {"ttft": "TTFT", "tpot": "TPOT", "itl": "ITL", "latency": "latency"}
    limits = ", ".join(f"{named[n]} up to {format_seconds(s)}" for n, s in promise.limits())
    return f"{100 * promise.share:g} % of requests: {limits}"
