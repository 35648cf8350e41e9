"""A whole leaderboard as text for a terminal."""

from itertools import groupby

from nobs.render.cells import (
    columns,
    footnotes,
    heading,
    last_cell,
    machine_lines,
    rank_cell,
    remarks,
    value_cell,
)
from nobs.render.several import several_lines
from nobs.render.terminal import GroupedTable, TextOutput
from nobs.report.leaderboard import Leaderboard, Table

_MOST_FIGURES = 3


def render_table(board: Leaderboard, *, width: int = 80, color: bool = False) -> str:
    """Return one table per workload and division; machines are ranked per model."""
    output = TextOutput(width=width, color=color)
    for table in board.tables:
        output.print_table(_build_table(table))
        for remark in remarks(table):
            output.print(remark, indent="  ")
    for line in several_lines(board):
        text = line.lstrip()
        output.print(text, indent=line[: len(line) - len(text)])
    for note in footnotes(
        figure for table in board.tables for figure in columns(table, _MOST_FIGURES)
    ):
        output.print(note)
    return output.text


def _build_table(table: Table) -> GroupedTable:
    first, *others = columns(table, _MOST_FIGURES) or (table.headline,)
    drawn = GroupedTable(heading(table))
    drawn.add_columns("#")
    drawn.add_columns("machine", is_text=True, wraps=True)
    drawn.add_columns(first.label)
    drawn.add_columns("95 % CI", wraps=True)
    drawn.add_columns(*(figure.label for figure in others))
    for model, rows in groupby(table.ranked(), key=lambda pair: pair[1].model):
        drawn.add_caption(model)
        for rank, row in rows:
            head = [rank_cell(rank), "\n".join(machine_lines(table, row))]
            values = [value_cell(figure, row.figures) for figure in others]
            headline = [value_cell(first, row.figures), last_cell(table, row)]
            drawn.add_row([*head, *headline, *values])
    return drawn
