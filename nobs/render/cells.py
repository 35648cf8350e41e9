"""The cells that tables for people share, whatever they are drawn with."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nobs.report.leaderboard import Row, Table
from nobs.tasks.figures import SCORE, Figure, Kind, Measured, format_value

SURE = 0.95
_NARROW_KINDS = {Kind.RATE, Kind.SECONDS, Kind.SHARE}


def heading(table: Table) -> str:
    """Return what a table is of."""
    return f"{table.workload} ({table.division})"


def columns(table: Table, most: int | None = None) -> tuple[Figure[Any], ...]:
    """Return the figures to show, the headline first.

    At most `most` of those that are of a row alone and no sizes of memory.
    """
    narrow = [f for f in table.figures if f.kind in _NARROW_KINDS and f is not SCORE]
    return tuple(table.figures if most is None else narrow[:most])


def value_cell(figure: Figure[Any], figures: Mapping[str, Measured]) -> str:
    """Return the value, `-` where there is none."""
    measured = figures.get(figure.key)
    return format_value(figure, measured.value) if measured else "-"


def interval_cell(figure: Figure[Any], figures: Mapping[str, Measured]) -> str:
    """Return both ends, and the coverage where it is below 95 %."""
    measured = figures.get(figure.key)
    if measured is None or measured.low is None or measured.high is None:
        return "-"
    ends = _join(format_value(figure, measured.low), format_value(figure, measured.high))
    confidence = measured.confidence
    return ends if confidence is None or confidence >= SURE else f"{ends} ({confidence:.0%})"


def _join(low: str, high: str) -> str:
    """Return both ends, with their unit once where they share it."""
    number, _, unit = low.rpartition(" ")
    is_shared = number and high.endswith(f" {unit}") and " " not in number
    return f"{number if is_shared else low} - {high}"


def remarks(table: Table) -> list[str]:
    """Return why rows failed and why they are open or legacy, each reason with whom it is about."""
    told: dict[str, list[str]] = {}
    for row in table.rows:
        who = f"{row.host}, run {row.run}" if table.has_twin(row) else row.host
        if row.why:
            told.setdefault(row.why, []).append(f"{who}, {row.model}")
        for reason in row.open_reasons:
            told.setdefault(f"{table.division}: {reason}", []).append(who)
    return [f"{_whom(who, len(table.rows))}: {what}" for what, who in told.items()]


def _whom(who: Sequence[str], rows: int) -> str:
    """Return the names, each once; `all` where no row is left out."""
    return "all" if len(who) == rows > 1 else "; ".join(dict.fromkeys(who))


def footnotes(figures: Iterable[Figure[Any]]) -> list[str]:
    """Return what those figures mean whose label doesn't say it, each once."""
    return list(dict.fromkeys(f"{f.label}: {f.meaning}" for f in figures if f.meaning))


def rank_cell(rank: int | None) -> str:
    """Return the rank, `-` for a row without one."""
    return "-" if rank is None else str(rank)


def machine_lines(table: Table, row: Row) -> list[str]:
    """Return the machine, what of it was measured, and the run where others look the same."""
    run = [f"run {row.run}"] if table.has_twin(row) else []
    return [row.host, row.hardware, *run]


def last_cell(table: Table, row: Row) -> str:
    """Return the interval of the headline, or how the step ended."""
    return interval_cell(table.headline, row.figures) if row.is_ok else row.status
