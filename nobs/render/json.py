"""A leaderboard as JSON for programs."""

import json
from dataclasses import asdict
from typing import Any

from nobs.report.leaderboard import Leaderboard, Row, Table

SCHEMA = "nobs.leaderboard/1"


def render_json(board: Leaderboard) -> str:
    """Return tables, machines and what was skipped."""
    document = {
        "schema": SCHEMA,
        "tables": [_table(table) for table in board.tables],
        "hosts": [asdict(host) for host in board.hosts],
        "skipped": [asdict(skipped) for skipped in board.skipped],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _table(table: Table) -> dict[str, Any]:
    return {
        "workload": table.workload,
        "task": table.task,
        "division": table.division,
        "headline": table.headline.key,
        "rows": [_row(row) for row in table.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    return asdict(row) | {"figures": {key: asdict(value) for key, value in row.figures.items()}}
