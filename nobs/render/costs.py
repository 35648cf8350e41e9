"""Costs at claimed prices as text for a terminal."""

from itertools import groupby
from typing import Any

from nobs.render.cells import footnotes, heading, machine_lines, value_cell
from nobs.render.terminal import GroupedTable, TextOutput
from nobs.report.leaderboard import Leaderboard, Table
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
    if priced:
        output.print(NOTE)
    if names := _uncosted(board, is_priced=False):
        output.print(
            f"Without a price: {join_words(names)}. Add --price '{names[0]}=2.49/h', for example."
        )
    if names := _uncosted(board, is_priced=True):
        output.print(
            f"Without a cost: {join_words(names)}. The price has power in it, and no power of the"
            " devices that did the work was measured."
        )
    return output.text


def _figures(table: Table) -> list[Figure[Any]]:
    return [figure for figure in table.figures if figure.kind is Kind.MONEY]


def _build_table(table: Table) -> GroupedTable:
    figures = _figures(table)
    drawn = GroupedTable(f"{heading(table)}: cost")
    drawn.add_columns("machine", is_text=True, wraps=True)
    drawn.add_columns(*(figure.label for figure in figures))
    drawn.add_columns("claimed price", is_text=True, wraps=True)
    for model, rows in groupby(table.rows, key=lambda row: row.model):
        drawn.add_caption(model)
        for row in rows:
            if any(figure.key in row.figures for figure in figures):
                values = [value_cell(figure, row.figures) for figure in figures]
                drawn.add_row(["\n".join(machine_lines(table, row)), *values, row.price])
    return drawn


def _uncosted(board: Leaderboard, *, is_priced: bool) -> list[str]:
    """Return the machines with figures that a price applies to, but no cost."""
    rows = (
        row.machine
        for table in board.tables
        for row in table.rows
        if bool(row.price) is is_priced
        and any(f.cost and f.key in row.figures for f in table.figures)
        and not any(f.key in row.figures for f in _figures(table))
    )
    return list(dict.fromkeys(rows))
