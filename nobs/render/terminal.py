"""Output for a terminal: tables of captioned groups, and wrapped sentences."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.measure import measure_renderables
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

_GAP = 2
"""Blanks before each column."""
_JOINED = "\N{NO-BREAK SPACE}%"


class TextOutput:
    """Collects output; without colours it is plain text without trailing blanks."""

    def __init__(self, *, width: int = 80, color: bool = False) -> None:
        self._file = StringIO()
        self._width = width
        self._color = color
        self._console = Console(
            file=self._file, width=width, force_terminal=color, no_color=not color,
            highlight=False, legacy_windows=False,
        )  # fmt: skip

    def print_table(self, table: "GroupedTable") -> None:
        """Print a table and a blank line below it."""
        self._console.print(table, "")

    def print(self, sentence: str, indent: str = "") -> None:
        """Print a sentence, wrapped at words with a hanging indent."""
        # A number and its percent sign stay on one line.
        lines = textwrap.wrap(
            sentence.replace(" %", _JOINED), self._width, initial_indent=indent,
            subsequent_indent=f"{indent}  ", break_on_hyphens=False,
        )  # fmt: skip
        text = "\n".join(lines).replace(_JOINED, " %")
        self._console.print(Text(text), soft_wrap=True)

    @property
    def text(self) -> str:
        """Return the collected output."""
        text = self._file.getvalue()
        return text if self._color else re.sub(r" +$", "", text, flags=re.MULTILINE)


class GroupedTable:
    """A table in groups; the caption of a group spans all columns."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._columns: list[Column] = []
        self._groups: list[tuple[Text, list[list[Text]]]] = []

    def add_columns(self, *names: str, is_text: bool = False, wraps: bool = False) -> None:
        """Add columns; texts are left-aligned, figures right-aligned."""
        justify: JustifyMethod = "left" if is_text else "right"
        self._columns += (Column(Text(name), justify=justify, no_wrap=not wraps) for name in names)

    def add_caption(self, caption: str, style: str = "bold") -> None:
        """Start a group of rows."""
        self._groups.append((Text(caption, style), []))

    def add_row(self, cells: Iterable[str | Text]) -> None:
        """Add a row to the last group."""
        row = [cell if isinstance(cell, Text) else Text(cell) for cell in cells]
        self._groups[-1][1].append(row)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = [row for _, group in self._groups for row in group]
        columns = zip([column.header for column in self._columns], *rows, strict=True)
        widths = [measure_renderables(console, options, cells).maximum for cells in columns]
        wrapping = [n for n, column in enumerate(self._columns) if not column.no_wrap]
        room = options.max_width - _GAP * len(widths)
        # rich draws one table per group: shrink the widest wrapping columns the same way in all.
        while wrapping and sum(widths) > room:
            widths[max(wrapping, key=widths.__getitem__)] -= 1
        for column, width in zip(self._columns, widths, strict=True):
            column.width = width
        yield Text(self._title, "italic")
        yield self._table([])
        for caption, group in self._groups:
            yield caption
            if group:
                yield self._table(group)

    def _table(self, rows: Sequence[list[Text]]) -> Padding:
        """Return a table of `rows`; without rows, the header."""
        table = Table(
            *(column.copy() for column in self._columns),
            box=SIMPLE_HEAD, show_edge=False, show_header=not rows, pad_edge=False,
            collapse_padding=True,
        )  # fmt: skip
        for row in rows:
            table.add_row(*row)
        return Padding(table, (0, 0, 0, _GAP))
