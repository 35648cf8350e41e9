"""The levels of load of a served model as lines for a terminal of 80 columns."""

from collections.abc import Iterator, Mapping
from typing import Any

from nobs.report.chart_data import read_levels
from nobs.report.figures import at, number
from nobs.text import to_line
from nobs.units import format_rate, format_seconds

_ROW = "  {:<12}{:>9}{:>10}{:>10}{:>10}{:>10}{:>10}{:>7}"
_HEADS = ("load", "tokens/s", "answers/s", "1st token", "p95", "gap p99", "in flight", "failed")


def load_lines(model: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table of the levels, nothing where none were measured."""
    levels = read_levels(model)
    if not levels:
        return
    yield _ROW.format(*_HEADS)
    yield from (_ROW.format(*_cells(level)) for level in levels)
    if any(number(at(level, "rate_per_s")) for level in levels):
        arrivals, seed = at(model, "load.arrivals"), at(model, "load.seed")
        yield f"  arrivals: {to_line(arrivals)}, seed {to_line(seed)}"
    knee = number(at(model, "load.knee"))
    if knee is not None:
        yield f"  throughput grows up to {knee:g} requests at once"


def _cells(level: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        _name(level),
        _rate(level, "tokens_per_sec"),
        _rate(level, "requests_per_sec"),
        _time(level, "median_ttft_s"),
        _time(level, "p95_ttft_s"),
        _time(level, "gaps.p99_s"),
        _rate(level, "mean_in_flight"),
        _failed(at(level, "failures")),
    )


def _name(level: Mapping[str, Any]) -> str:
    rate, concurrency = number(at(level, "rate_per_s")), number(at(level, "concurrency"))
    if rate:
        return f"{rate:g} a second"
    return "-" if concurrency is None else f"{concurrency:g} at once"


def _failed(failures: object) -> str:
    counts = map(number, failures.values()) if isinstance(failures, Mapping) else ()
    return f"{sum(filter(None, counts)):g}"


def _rate(level: Mapping[str, Any], path: str) -> str:
    value = number(at(level, path))
    return "-" if value is None else format_rate(value)


def _time(level: Mapping[str, Any], path: str) -> str:
    value = number(at(level, path))
    return "-" if value is None else format_seconds(value)
