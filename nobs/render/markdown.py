"""A leaderboard as markdown, for pull requests and notes."""

import re
from collections.abc import Iterable, Iterator

from nobs.leaderboard import Leaderboard, Table
from nobs.render.cells import (
    columns,
    heading,
    last_cell,
    machine_lines,
    rank_cell,
    remarks,
    value_cell,
)

_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;"}


def render_markdown(board: Leaderboard) -> str:
    """Return a heading and a table for each workload and division."""
    return "\n".join(line for table in board.tables for line in _lines(table))


def escape(text: str) -> str:
    """Return `text` so that it shows as itself: no markup, no tags, no mentions."""
    escaped = "".join(_ENTITIES.get(character, character) for character in text)
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", escaped)


def markdown_row(cells: Iterable[str]) -> str:
    """Return one line of a table; the cells are escaped already."""
    return f"| {' | '.join(cells)} |"


def _lines(table: Table) -> Iterator[str]:
    figures = columns(table)
    names = ["#", "machine", "model", "95 % interval"]
    names[3:3] = [figure.label for figure in figures]
    yield f"## {escape(heading(table))}"
    yield ""
    yield markdown_row(names)
    yield markdown_row(["---:", "---", "---", *["---:"] * (len(figures) + 1)])
    for rank, row in table.ranked():
        values = [value_cell(figure, row.figures) for figure in figures]
        cells = [
            rank_cell(rank),
            ", ".join(machine_lines(table, row)),
            row.model,
            *values,
            last_cell(table, row),
        ]
        yield markdown_row(map(escape, cells))
    yield ""
    for remark in remarks(table):
        yield f"- {escape(remark)}"
    yield ""
