"""How the hosts of a run ended, as text and JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from nobs.render.json import to_document
from nobs.render.terminal import GroupedTable, TextOutput
from nobs.units import format_money, format_seconds

SCHEMA = "nobs.hosts/1"
type Part = Mapping[str, Any]


def fleet_text(parts: Sequence[Part], *, width: int = 80, color: bool = False) -> str:
    """Return a line per host, the reasons of what isn't complete, and the count."""
    output = TextOutput(width=width, color=color)
    has_prices = any(part["usd"] is not None for part in parts)
    table = GroupedTable("hosts")
    table.add_columns("host", is_text=True, wraps=True)
    table.add_columns("state", is_text=True)
    table.add_columns("models", "time", *(("cost",) if has_prices else ()))
    table.add_columns("run", is_text=True, wraps=True)
    table.add_caption("")
    for part in parts:
        table.add_row(_cells(part, has_prices=has_prices))
    output.print_table(table)
    for part in parts:
        if part["reason"]:
            output.print(f"{part['name']}: {part['reason']}", indent="  ")
    whole = sum(part["exit_code"] == 0 for part in parts)
    output.print(f"{whole} of {len(parts)} host{'' if len(parts) == 1 else 's'} complete.")
    return output.text


def fleet_json(parts: Sequence[Part], exit_code: int) -> str:
    """Return everything for programs."""
    return to_document(SCHEMA, exit_code=exit_code, hosts=list(parts))


def _cells(part: Part, *, has_prices: bool) -> list[str]:
    cost = [format_money(part["usd"]) if part["usd"] else "-"] if has_prices else []
    return [
        part["name"], part["state"],
        f"{part['complete']}/{part['models']}" if part["models"] else "-",
        format_seconds(part["duration_s"]) if part["duration_s"] else "-", *cost,
        part["run_id"] or "-",
    ]  # fmt: skip
