"""Runs as a table."""

from collections.abc import Mapping, Sequence
from typing import Any

_COLUMNS = ("RUN", "STATE", "EXECUTION", "BACKEND", "STEPS", "CREATED", "PID")


def render_runs(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return one line per run below the column names."""
    lines = [_COLUMNS, *map(_cells, runs)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(_COLUMNS))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        + "\n"
        for line in lines
    )


def _cells(run: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        run["run_id"],
        str(run["phase"]),
        str(run["execution"]),
        run["backend"],
        f"{run['steps_ok']}/{run['steps']}",
        run["created"],
        str(run["pid"] or "-"),
    )
