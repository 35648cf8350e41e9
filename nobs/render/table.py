"""A leaderboard for a terminal of 80 columns."""

from io import StringIO
from itertools import groupby

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from nobs.leaderboard import Leaderboard, Table
from nobs.render.cells import (
    columns,
    heading,
    last_cell,
    machine_cell,
    rank_cell,
    remarks,
    value_cell,
)

_MOST_FIGURES = 3


def render_table(board: Leaderboard, *, width: int = 80, color: bool = False) -> str:
    """Return one table a workload and division, each model's machines best first."""
    file = StringIO()
    console = Console(
        file=file, width=width, force_terminal=color, no_color=not color, highlight=False,
        legacy_windows=False,
    )  # fmt: skip
    for table in board.tables:
        console.print(_draw(table))
        for remark in remarks(table):
            console.print(Text(f"  {remark}"))
    return file.getvalue()


def _draw(table: Table) -> RichTable:
    figures = columns(table, _MOST_FIGURES)
    drawn = RichTable(title=Text(heading(table)), title_justify="left", expand=False)
    drawn.add_column("#", justify="right", no_wrap=True)
    drawn.add_column("machine", overflow="fold")
    for figure in figures:
        drawn.add_column(figure.label, justify="right")
    drawn.add_column("95 % interval", justify="right")
    for model, rows in groupby(table.ranked(), key=lambda pair: pair[1].model):
        drawn.add_section()
        drawn.add_row("", Text(model, style="bold"))
        for rank, row in rows:
            values = [value_cell(figure, row.figures) for figure in figures]
            cells = [rank_cell(rank), machine_cell(row), *values, last_cell(table, row)]
            drawn.add_row(*map(Text, cells))
    return drawn
