"""A sustained measurement in two lines."""

from collections.abc import Iterator

from nobs.schema.sustained import SpeedPart, Sustained
from nobs.units import format_seconds, format_share


def sustained_lines(found: Sustained) -> Iterator[str]:
    """Yield the speed of the end against that of the beginning, and the trend with its cause."""
    last = found.quarters[-1]
    yield (
        f"  sustained {format_seconds(last.end_s)}: burst {_time(found.burst)}, last quarter "
        f"{_time(last)} per repeat"
    )
    if found.kept:
        ends = f"{format_share(found.kept.low, 0)} - {format_share(found.kept.high, 0)}"
        yield f"  speed kept: {format_share(found.kept.value)} (95 % CI {ends})"
    yield f"  trend: {found.message}"


def _time(part: SpeedPart) -> str:
    return "-" if part.mean_s is None else format_seconds(part.mean_s)
