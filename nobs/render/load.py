"""The levels of load of a served model as lines for a terminal of 80 columns."""

from collections.abc import Iterator, Mapping
from typing import Any

from nobs.units import format_rate, format_seconds

_ROW = "  {:<12}{:>9}{:>10}{:>10}{:>10}{:>10}{:>10}{:>7}"
_HEADS = ("load", "tokens/s", "answers/s", "1st token", "p95", "gap p99", "in flight", "failed")


def load_lines(model: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table of the levels, nothing where none were measured."""
    table = model.get("load")
    if not isinstance(table, Mapping):
        return
    yield _ROW.format(*_HEADS)
    yield from (_ROW.format(*_cells(level)) for level in table["levels"])
    if any(level["rate_per_s"] for level in table["levels"]):
        yield f"  arrivals: {table['arrivals']}, seed {table['seed']}"
    if table["knee"] is not None:
        yield f"  throughput grows up to {table['knee']} requests at once"


def _cells(level: Mapping[str, Any]) -> tuple[str, ...]:
    gaps = level["gaps"] or {}
    return (
        _name(level),
        _rate(level["tokens_per_sec"]),
        _rate(level["requests_per_sec"]),
        _time(level["median_ttft_s"]),
        _time(level["p95_ttft_s"]),
        _time(gaps.get("p99_s")),
        _rate(level["mean_in_flight"]),
        str(sum(level["failures"].values())),
    )


def _name(level: Mapping[str, Any]) -> str:
    if level["rate_per_s"]:
        return f"{level['rate_per_s']:g} a second"
    return f"{level['concurrency']} at once"


def _rate(value: float | None) -> str:
    return "-" if value is None else format_rate(value)


def _time(value: float | None) -> str:
    return "-" if value is None else format_seconds(value)
