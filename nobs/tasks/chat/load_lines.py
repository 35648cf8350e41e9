"""The load table of a served model as lines of at most 80 columns."""

from collections.abc import Iterator

from nobs.tasks.chat.report import ChatModelReport, LoadLevel
from nobs.text import to_line
from nobs.units import format_rate, format_seconds, format_share

_ROW = "  {:<12}{:>9}{:>10}{:>10}{:>10}{:>10}{:>10}{:>7}"
MAX_SENDER_SHARE = 0.8
"""Share of a core above which the sender, a single thread, may delay requests."""
_HEADS = (
    "load", "tokens/s", "req/s", "TTFT p50", "TTFT p95", "ITL p99", "in flight", "failed",
)  # fmt: skip


def load_lines(model: ChatModelReport) -> Iterator[str]:
    """Yield a table of the load levels, if there are any."""
    load = model.load
    if load is None or not load.levels:
        return
    yield _ROW.format(*_HEADS)
    yield from (_ROW.format(*_cells(level)) for level in load.levels)
    if any(level.rate_per_s for level in load.levels):
        yield f"  arrivals: {to_line(load.arrivals)}, seed {load.seed}"
    for level in load.levels:
        if (share := level.sender_cpu_share or 0.0) > MAX_SENDER_SHARE:
            used = f"the sender used {format_share(share)} of a core"
            yield f"  {_cells(level)[0]}: {used} and may be the limit"
    if load.knee is not None:
        yield f"  throughput saturates at {load.knee} concurrent requests"


def _cells(level: LoadLevel) -> tuple[str, ...]:
    at_once = "-" if level.concurrency is None else f"{level.concurrency} at once"
    return (
        f"{level.rate_per_s:g} req/s" if level.rate_per_s else at_once,
        _rate(level.tokens_per_sec),
        _rate(level.requests_per_sec),
        _time(level.median_ttft_s),
        _time(level.p95_ttft_s),
        _time(level.itl.p99_s if level.itl else None),
        _rate(level.mean_in_flight),
        str(sum(level.failures.values())),
    )


def _rate(value: float | None) -> str:
    return "-" if value is None else format_rate(value)


def _time(value: float | None) -> str:
    return "-" if value is None else format_seconds(value)
