"""A leaderboard as CSV: every figure with the ends of its CI and the confidence."""

import csv
from collections.abc import Iterator, Sequence
from io import StringIO

from nobs.report.definitions import known_figures
from nobs.report.leaderboard import Leaderboard, Row, Table

_FORMULA_STARTS = ("=", "+", "-", "@")
_TEXTS = ("workload", "division", "run", "host", "device", "hardware", "model", "settings",
          "status", "why", "verdict", "limits", "open_reasons", "price")  # fmt: skip
_PARTS = ("value", "low", "high", "confidence")


def render_csv(board: Leaderboard) -> str:
    """Return all rows of all tables under one heading."""
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    keys = tuple(known_figures())
    writer.writerow([*_TEXTS, *_figure_names(keys)])
    writer.writerows(_cells(keys, table, row) for table in board.tables for row in table.rows)
    return file.getvalue()


def _figure_names(keys: Sequence[str]) -> Iterator[str]:
    for key in keys:
        yield key
        yield from (f"{key}_{part}" for part in _PARTS[1:])


def _cells(keys: Sequence[str], table: Table, row: Row) -> list[str | float | None]:
    texts = (table.workload, table.division, row.run, row.host, row.device, row.hardware,
             row.model, row.settings, row.status, row.why, row.verdict,
             "; ".join(row.limits), "; ".join(row.open_reasons), row.price)  # fmt: skip
    measured = [row.figures.get(key) for key in keys]
    numbers = [getattr(each, part, None) for each in measured for part in _PARTS]
    return [*map(defuse, texts), *numbers]


def defuse(text: str) -> str:
    """Return `text` so that a spreadsheet never reads it as a formula."""
    return f"'{text}" if text.lstrip().startswith(_FORMULA_STARTS) else text
