"""A leaderboard for a terminal of 80 columns."""

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
from nobs.render.terminal import GroupedTable, Paper
from nobs.report.leaderboard import Leaderboard, Table

_MOST_FIGURES = 3


def render_table(board: Leaderboard, *, width: int = 80, color: bool = False) -> str:
    """Return one table a workload and division, each model's machines best first."""
    paper = Paper(width=width, color=color)
    for table in board.tables:
        paper.draw(_draw(table))
        for remark in remarks(table):
            paper.say(remark, indent="  ")
    for note in footnotes(
        figure for table in board.tables for figure in columns(table, _MOST_FIGURES)
    ):
        paper.say(note)
    return paper.text


def _draw(table: Table) -> GroupedTable:
    first, *others = columns(table, _MOST_FIGURES) or (table.headline,)
    drawn = GroupedTable(heading(table))
    drawn.add_columns("#")
    drawn.add_columns("machine", is_text=True, wraps=True)
    drawn.add_columns(first.label)
    drawn.add_columns("95 % interval", wraps=True)
    drawn.add_columns(*(figure.label for figure in others))
    for model, rows in groupby(table.ranked(), key=lambda pair: pair[1].model):
        drawn.add_caption(model)
        for rank, row in rows:
            head = [rank_cell(rank), "\n".join(machine_lines(table, row))]
            values = [value_cell(figure, row.figures) for figure in others]
            told = [value_cell(first, row.figures), last_cell(table, row)]
            drawn.add_row([*head, *told, *values])
    return drawn
