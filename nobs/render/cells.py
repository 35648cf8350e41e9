"""The cells that tables for people share, whatever they are drawn with."""

from collections.abc import Mapping, Sequence

from nobs.figures import Figure, Kind, Measured, format_value
from nobs.leaderboard import Row, Table

SURE = 0.95
_NARROW_KINDS = {Kind.RATE, Kind.SECONDS, Kind.SHARE}


def heading(table: Table) -> str:
    """Return what a table is of."""
    return f"{table.workload} ({table.division})"


def columns(table: Table, most: int | None = None) -> tuple[Figure, ...]:
    """Return the figures to show, the headline first; at most `most`, without sizes of memory."""
    narrow = [figure for figure in table.figures if figure.kind in _NARROW_KINDS]
    return tuple(table.figures if most is None else narrow[:most])


def value_cell(figure: Figure, figures: Mapping[str, Measured]) -> str:
    """Return the value, `-` where there is none."""
    measured = figures.get(figure.key)
    return format_value(figure, measured.value) if measured else "-"


def interval_cell(figure: Figure, figures: Mapping[str, Measured]) -> str:
    """Return both ends, and the coverage where it is below 95 %."""
    measured = figures.get(figure.key)
    if measured is None or measured.low is None or measured.high is None:
        return "-"
    ends = f"{format_value(figure, measured.low)} - {format_value(figure, measured.high)}"
    confidence = measured.confidence
    return ends if confidence is None or confidence >= SURE else f"{ends} ({confidence:.0%})"


def remarks(table: Table) -> list[str]:
    """Return why rows failed and why they are open or legacy, each reason with whom it is about."""
    told: dict[str, list[str]] = {}
    for row in table.rows:
        if row.why:
            told.setdefault(row.why, []).append(f"{row.host}, {row.model}")
        for reason in row.open_reasons:
            told.setdefault(f"{table.division}: {reason}", []).append(row.host)
    return [f"{_whom(who, len(table.rows))}: {what}" for what, who in told.items()]


def _whom(who: Sequence[str], rows: int) -> str:
    """Return the names, each once; `all` where no row is left out."""
    return "all" if len(who) == rows > 1 else "; ".join(dict.fromkeys(who))


def rank_cell(rank: int | None) -> str:
    """Return the rank, `-` for a row without one."""
    return "-" if rank is None else str(rank)


def machine_cell(row: Row) -> str:
    """Return the machine and what of it was measured."""
    return f"{row.host}, {row.hardware}"


def last_cell(table: Table, row: Row) -> str:
    """Return the interval of the headline, or how the step ended."""
    return interval_cell(table.headline, row.figures) if row.is_ok else row.status
