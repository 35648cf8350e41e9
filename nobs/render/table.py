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
from nobs.render.terminal import GroupedTable, Paper, add_columns, break_name
from nobs.report.leaderboard import Leaderboard, Table

_MOST_FIGURES = 3
_RUN_WIDTH = 20


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
    drawn.add_column("#")
    drawn.add_column("machine", is_text=True, wraps=True)
    drawn.add_column(first.label)
    drawn.add_column("95 % interval", wraps=True)
    add_columns(drawn, [figure.label for figure in others])
    for model, rows in groupby(table.ranked(), key=lambda pair: pair[1].model):
        drawn.add_section()
        drawn.add_caption(model)
        for rank, row in rows:
            head = [rank_cell(rank), _machine(machine_lines(table, row))]
            values = [value_cell(figure, row.figures) for figure in others]
            told = [value_cell(first, row.figures), last_cell(table, row)]
            drawn.add_row([*head, *told, *values])
    return drawn


def _machine(lines: list[str]) -> str:
    """Return host and hardware, which break between words, and a run's id broken between parts."""
    return "\n".join(
        [*lines[:2], *(part for run in lines[2:] for part in break_name(run, _RUN_WIDTH))]
    )
