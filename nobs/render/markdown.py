"""A leaderboard as markdown, for pull requests and notes."""

import re
from collections.abc import Iterable, Iterator

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
from nobs.render.several import cost_line, several_lines, sum_title
from nobs.report.leaderboard import Leaderboard, Row, Table

_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;"}


def render_markdown(board: Leaderboard) -> str:
    """Return a heading and a table for each workload and division, and the meanings of figures."""
    lines = [line for table in board.tables for line in _lines(table)]
    notes = footnotes(figure for table in board.tables for figure in table.figures)
    several = [
        f"{'  ' if line.startswith(' ') else ''}- {escape(line.lstrip())}"
        for line in several_lines(board)
    ]
    several += [
        f"- {escape(f'{sum_title(each)}: {cost_line(each, each.cost)}')}"
        for each in board.sums
        if each.cost
    ]
    heads = ["## Several devices", "", *several, ""] if several else []
    return "\n".join([*lines, *heads, *(f"{escape(note)}\n" for note in notes)])


def escape(text: str) -> str:
    """Return `text` so that it shows as itself: no markup, no tags, no mentions."""
    escaped = "".join(_ENTITIES.get(character, character) for character in text)
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", escaped)


def markdown_row(cells: Iterable[str]) -> str:
    """Return one line of a table; the cells are escaped already."""
    return f"| {' | '.join(cells)} |"


def _lines(table: Table) -> Iterator[str]:
    first, *others = columns(table) or (table.headline,)
    names = ["#", "machine", "model", first.label, "95 % CI"]
    yield f"## {escape(heading(table))}"
    yield ""
    yield markdown_row([*names, *(figure.label for figure in others)])
    yield markdown_row(["---:", "---", "---", *["---:"] * (len(others) + 2)])
    for rank, row in table.ranked():
        yield markdown_row(map(escape, _cells(table, rank, row)))
    yield ""
    for remark in remarks(table):
        yield f"- {escape(remark)}"
    yield ""


def _cells(table: Table, rank: int | None, row: Row) -> list[str]:
    first, *others = [value_cell(f, row.figures) for f in columns(table) or (table.headline,)]
    machine = ", ".join(machine_lines(table, row))
    return [rank_cell(rank), machine, row.model, first, last_cell(table, row), *others]
