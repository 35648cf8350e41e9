"""Cells that all tables for people share, in the terminal and in markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nobs.report.leaderboard import Row, Table
from nobs.tasks.figures import SCORE, Figure, Kind, Measured, format_value
from nobs.units import format_share, join_range

_FULL_CONFIDENCE = 0.95
_NARROW_KINDS = {Kind.RATE, Kind.SECONDS, Kind.SHARE}


def heading(table: Table) -> str:
    """Return the workload and the division."""
    return f"{table.workload} ({table.division})"


def columns(table: Table, most: int | None = None) -> tuple[Figure[Any], ...]:
    """Return the figures to show, the headline first.

    `most` limits them, and leaves out scores, counts and memory sizes.
    """
    narrow = [f for f in table.figures if f.kind in _NARROW_KINDS and f is not SCORE]
    return tuple(table.figures if most is None else narrow[:most])


def value_cell(figure: Figure[Any], figures: Mapping[str, Measured]) -> str:
    """Return the value, `-` if there is none."""
    measured = figures.get(figure.key)
    return format_value(figure, measured.value) if measured else "-"


def precise_cell(figure: Figure[Any], figures: Mapping[str, Measured]) -> str:
    """Return the value with the half width of its CI, as in `7.73 s ±3.0 %`."""
    value, measured = value_cell(figure, figures), figures.get(figure.key)
    if measured is None or measured.low is None or measured.high is None or not measured.value:
        return value
    half_width = max(measured.value - measured.low, measured.high - measured.value)
    return f"{value} \N{PLUS-MINUS SIGN}{format_share(half_width / measured.value)}"


def interval_cell(figure: Figure[Any], figures: Mapping[str, Measured]) -> str:
    """Return both ends of the CI, and its confidence where that is below 95 %."""
    measured = figures.get(figure.key)
    if measured is None or measured.low is None or measured.high is None:
        return "-"
    ends = join_range(format_value(figure, measured.low), format_value(figure, measured.high))
    is_full = measured.confidence is None or measured.confidence >= _FULL_CONFIDENCE
    return ends if is_full else f"{ends} ({measured.confidence:.0%})"


def remarks(table: Table) -> list[str]:
    """Return why rows failed, why they are open or legacy, and claimed prices, with machines."""
    machines: dict[str, list[str]] = {}
    for row in table.rows:
        who = f"{row.host}, run {row.run}" if table.is_ambiguous(row) else row.host
        if row.why:
            machines.setdefault(row.why, []).append(f"{who}, {row.model}")
        for reason in row.open_reasons:
            machines.setdefault(f"{table.division}: {plain_reason(reason)}", []).append(who)
        if row.price:
            machines.setdefault(f"costs at a claimed price: {row.price}", []).append(who)
    return [f"{_names(who, len(table.rows))}: {reason}" for reason, who in machines.items()]


def _names(who: Sequence[str], rows: int) -> str:
    """Return the names, each once; `all` if every row is meant."""
    return "all" if len(who) == rows > 1 else "; ".join(dict.fromkeys(who))


def plain_reason(reason: str) -> str:
    """Return why a result is open; a value that has fields itself is only named as changed."""
    field, _, change = reason.partition(": ")
    return f"{field} changed" if "{" in change else reason


def footnotes(figures: Iterable[Figure[Any]]) -> list[str]:
    """Return the meanings of figures whose label needs one, each once."""
    return list(dict.fromkeys(f"{f.label}: {f.meaning}" for f in figures if f.meaning))


def rank_cell(rank: int | None) -> str:
    """Return the rank, `-` if there is none."""
    return "-" if rank is None else str(rank)


def machine_lines(table: Table, row: Row) -> list[str]:
    """Return the machine and its hardware, and what distinguishes it from others like it."""
    run = [f"run {row.run}"] if table.is_ambiguous(row) else []
    return [row.host, row.hardware, *([row.under] if row.under else []), *run]


def last_cell(table: Table, row: Row) -> str:
    """Return the CI of the headline, or the status of a step that failed."""
    return interval_cell(table.headline, row.figures) if row.is_ok else row.status
