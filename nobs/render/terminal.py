"""What a terminal shows: tables whose groups have captions across all columns, and sentences."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

from rich.cells import cell_len, chop_cells
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

_FRAME = "│"
_CAPTION = "caption"
_EDGES = 4
"""Cells that frame and blanks take beside a caption."""
_PARTS = re.compile(r"[^-/_: ]*[-/_: ]+|[^-/_: ]+")
"""Where a name may go on in the next line: behind its own marks."""


class Paper:
    """Collects what is printed; without colours it is plain text without blanks at line ends."""

    def __init__(self, *, width: int = 80, color: bool = False) -> None:
        self._file = StringIO()
        self._width = width
        self._color = color
        self._console = Console(
            file=self._file, width=width, force_terminal=color, no_color=not color,
            highlight=False, legacy_windows=False,
        )  # fmt: skip

    def draw(self, table: "GroupedTable") -> None:
        """Draw a table."""
        self._console.print(table)

    def say(self, sentence: str, indent: str = "") -> None:
        """Print a sentence; the lines that it goes on in stand further to the right."""
        lines = textwrap.wrap(
            sentence, self._width, initial_indent=indent, subsequent_indent=f"{indent}  ",
            break_on_hyphens=False,
        )  # fmt: skip
        self._console.print(Text("\n".join(lines)), soft_wrap=True)

    @property
    def text(self) -> str:
        """Return everything so far."""
        text = self._file.getvalue()
        return text if self._color else re.sub(r" +$", "", text, flags=re.MULTILINE)


class GroupedTable:
    """A table with captions across all columns, for names that no column is wide enough for."""

    def __init__(self, title: str) -> None:
        self._table = Table(title=Text(title), title_justify="left", expand=False)
        self._wanted = cell_len(title)

    def add_column(self, name: str, *, is_text: bool = False, wraps: bool = False) -> None:
        """Add a column: texts stand to the left, figures to the right."""
        self._table.add_column(
            Text(name), justify="left" if is_text else "right", overflow="fold", no_wrap=not wraps
        )

    def add_section(self) -> None:
        """Draw a line below the last row."""
        self._table.add_section()

    def add_caption(self, caption: str, style: str = "bold") -> None:
        """Add a row of one text; it is broken between the parts of a name."""
        self._wanted = max(self._wanted, cell_len(caption) + _EDGES)
        self._table.add_row(style=Style(meta={_CAPTION: (caption, style)}))

    def add_row(self, cells: Iterable[str | Text]) -> None:
        """Add a row."""
        self._table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self._table.min_width = min(self._wanted, options.max_width)
        for line in console.render_lines(self._table, options, pad=False):
            caption = next(filter(None, map(_caption_of, line)), None)
            if caption is not None:
                text = "".join(segment.text for segment in line).rstrip()
                yield from _span(*caption, len(text), console)
            else:
                yield from line
                yield Segment.line()


def _caption_of(segment: Segment) -> tuple[str, str] | None:
    """Return text and style of the caption in whose row the segment lies, None in another row."""
    return segment.style.meta.get(_CAPTION) if segment.style else None


def break_name(name: str, width: int) -> list[str]:
    """Return `name` in lines of at most `width` cells, broken behind its marks if possible."""
    lines = [""]
    for part in _PARTS.findall(name):
        if cell_len(lines[-1]) + cell_len(part.rstrip()) <= width:
            lines[-1] += part
            continue
        *whole, rest = chop_cells(part, width)
        lines += [*whole, rest]
    return [line.rstrip() for line in lines if line.strip()]


def _span(caption: str, style: str, width: int, console: Console) -> Iterator[Segment]:
    """Yield the lines of a row of one cell."""
    for line in break_name(caption, width - _EDGES) or [""]:
        blanks = " " * (width - _EDGES - cell_len(line))
        yield Segment(f"{_FRAME} ")
        yield Segment(line, console.get_style(style) if style else Style.null())
        yield Segment(f"{blanks} {_FRAME}")
        yield Segment.line()


def add_columns(table: GroupedTable, names: Sequence[str]) -> None:
    """Add columns of figures."""
    for name in names:
        table.add_column(name)
