"""Costs at claimed prices as text for a terminal."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from nobs.render.cells import footnotes, heading, machine_lines, value_cell
from nobs.render.several import cost_line, sum_title
from nobs.render.terminal import GroupedTable, TextOutput
from nobs.report.leaderboard import Leaderboard, Table
from nobs.report.machine import AT_ONCE
from nobs.tasks.figures import Figure, Kind
from nobs.text import join_words

NOTE = (
    "Costs are claimed prices over measured figures, for a machine that is busy with this work."
    " Energy is that of the devices that did the work, where a price per kWh is claimed."
)


def render_costs(board: Leaderboard, *, width: int = 80, color: bool = False) -> str:
    """Return a table of costs per workload with any, and the machines without a price."""
    output = TextOutput(width=width, color=color)
    priced = [table for table in board.tables if _figures(table)]
    for table in priced:
        output.print_table(_build_table(table))
    for note in footnotes(figure for table in priced for figure in _figures(table)):
        output.print(note)
    for price, machines in _claims(priced).items():
        output.print(f"Claimed price of {join_words(machines)}: {price}")
    if priced:
        output.print(NOTE)
    for sentence in _of_sums(board):
        output.print(sentence)
    for sentence in _without(board):
        output.print(sentence)
    return output.text


def _of_sums(board: Leaderboard) -> Iterator[str]:
    """Yield whom the prices of whole machines are for, and what their devices cost at once."""
    yield from (note.text for note in board.price_notes)
    for each in board.sums:
        if each.cost:
            yield f"{sum_title(each)}: {cost_line(each, each.cost)}"


def _without(board: Leaderboard) -> Iterator[str]:
    """Yield the machines without a price, and those whose price gives no cost."""
    explained = {name for each in board.price_notes for name in each.names}
    if names := [n for n in _uncosted(board, is_priced=False) if n not in explained]:
        yield f"Without a price: {join_words(names)}. Add --price '{names[0]}=2.49/h', for example."
    if names := _uncosted(board, is_priced=True):
        yield (
            f"Without a cost: {join_words(names)}. The price has power in it, and no power of the"
            " devices that did the work was measured."
        )
    if names := [each.machine for each in board.sums if each.price and each.cost is None]:
        yield (
            f"Without a cost: the sums of {join_words(list(dict.fromkeys(names)))}. The price has"
            " power in it, which isn't summed up over devices."
        )


def _figures(table: Table) -> list[Figure[Any]]:
    return [figure for figure in table.figures if figure.kind is Kind.MONEY]


def _build_table(table: Table) -> GroupedTable:
    figures = _figures(table)
    drawn = GroupedTable(f"{heading(table)}: cost")
    drawn.add_columns("machine", is_text=True, wraps=True)
    drawn.add_columns(*(figure.label for figure in figures), wraps=True)
    for model, rows in groupby(table.rows, key=lambda row: row.model):
        drawn.add_caption(model)
        for row in rows:
            if any(figure.key in row.figures for figure in figures):
                values = [value_cell(figure, row.figures) for figure in figures]
                drawn.add_row(["\n".join(machine_lines(table, row)), *values])
    return drawn


def _claims(tables: Iterable[Table]) -> dict[str, list[str]]:
    """Return the machines with each claimed price."""
    found: dict[str, dict[str, None]] = {}
    for row in (row for table in tables for row in table.rows if row.price):
        found.setdefault(row.price, {})[row.machine] = None
    return {price: list(machines) for price, machines in found.items()}


def _uncosted(board: Leaderboard, *, is_priced: bool) -> list[str]:
    """Return the machines with figures that a price applies to, but no cost."""
    sums = [each.machine for each in board.sums if not is_priced and not each.price]
    rows = (
        row.machine
        for table in board.tables
        for row in table.rows
        if bool(row.price) is is_priced
        and any(f.cost and f.key in row.figures for f in table.figures)
        and not any(f.key in row.figures for f in _figures(table))
        # What a device does beside others is part of a sum.
        and not row.machine.endswith(AT_ONCE)
    )
    return list(dict.fromkeys((*rows, *sums)))
