"""Values as JSON for programs: a leaderboard, and how every document is written."""

import json
from dataclasses import asdict
from typing import Any

from nobs.report.leaderboard import Leaderboard, Row, Table
from nobs.report.several import DeviceSum

SCHEMA = "nobs.leaderboard/1"


def render_json(board: Leaderboard) -> str:
    """Return tables, machines and what was skipped."""
    return to_document(
        SCHEMA,
        tables=[_table(table) for table in board.tables],
        hosts=[asdict(host) for host in board.hosts],
        skipped=[asdict(skipped) for skipped in board.skipped],
        sums=[_sum(each) for each in board.sums],
        devices=[asdict(each) for each in board.devices],
    )


def to_document(schema: str, **parts: object) -> str:
    """Return a document of `schema`; ValueError for NaN and infinity."""
    document = {"schema": schema, **parts}
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _table(table: Table) -> dict[str, Any]:
    return {
        "workload": table.workload,
        "task": table.task,
        "division": table.division,
        "headline": table.headline.key,
        "rows": [_row(row) for row in table.rows],
    }


def _sum(each: DeviceSum) -> dict[str, Any]:
    together = each.together.model_dump(mode="json")
    return {
        "machine": each.machine,
        "hardware": each.hardware,
        **together,
        "price": each.price,
        "usd": each.cost and asdict(each.cost),
        "usd_per": each.cost_label.removeprefix("$/"),
    }


def _row(row: Row) -> dict[str, Any]:
    return asdict(row) | {"figures": {key: asdict(value) for key, value in row.figures.items()}}
