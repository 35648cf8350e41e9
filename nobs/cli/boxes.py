"""Progress of many hosts on stderr: a line for each on a terminal, else lines with its name."""

import os
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Self, TextIO, cast

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nobs.cli.live import IgnoreClosedStream
from nobs.cli.progress import Progress
from nobs.launch.planning.plan import Plan
from nobs.log import Event
from nobs.schema.spec import RunSpec

_BAR = 10
_WITH_BARS = 60
"""Columns of a terminal that has room for bars."""
_REFRESH_HZ = 2.0


class Boxes:
    """The lines of all hosts; each host's thread uses its own `Line`."""

    def __init__(
        self, names: Iterable[str], results: Path, stream: TextIO | None = None, *,
        verbose: bool = False, quiet: bool = False,
    ) -> None:  # fmt: skip
        stream = stream or sys.stderr
        is_live = stream.isatty() and os.environ.get("TERM") != "dumb" and not quiet
        self._console = Console(
            file=cast(TextIO, IgnoreClosedStream(stream)), highlight=False, force_terminal=is_live
        )
        self.live: Live | None = None
        self.is_live, self.quiet, self.verbose, self.results = is_live, quiet, verbose, results
        self._lock = threading.Lock()
        self.lines = {name: Line(self, name) for name in names}

    def __enter__(self) -> Self:
        if self.is_live:
            self.live = Live(
                console=self._console, refresh_per_second=_REFRESH_HZ, transient=True,
                get_renderable=self._table,
            )  # fmt: skip
            self.live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self.live is not None:
            self.live.stop()

    def write(self, line: str) -> None:
        """Print a permanent line."""
        with self._lock:
            self._console.print(Text.from_ansi(line), soft_wrap=not self.is_live)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 1), expand=True)
        width = _BAR if self._console.width >= _WITH_BARS else 0
        table.add_column(no_wrap=True, max_width=self._console.width // 4)
        table.add_column(no_wrap=True, ratio=1, overflow="ellipsis")
        table.add_column(width=width)
        table.add_column(no_wrap=True)
        for line in self.lines.values():
            is_drawn = width and line.share
            bar = ProgressBar(total=1.0, completed=line.share, width=width) if is_drawn else ""
            table.add_row(Text(line.name, "bold"), Text(line.text), bar, Text(line.rest))
        return table


class Line:
    """One host's output: where `Progress` shows the events of its run."""

    def __init__(self, boxes: Boxes, name: str) -> None:
        self._boxes = boxes
        self.name = name
        self.text = "connecting"
        self.share = 0.0
        self.rest = ""
        self._progress: Progress | None = None

    @property
    def is_live(self) -> bool:
        """Whether a line on the terminal moves, as in `LiveOutput`."""
        return self._boxes.is_live

    def say(self, text: str, *, lasting: bool = True) -> None:
        """Show what happens; `lasting` as a line that stays where no line moves."""
        self.show(text)
        if lasting and not self.is_live and not self._boxes.quiet:
            self._boxes.write(f"{self.name}: {text}")

    def begin(self, spec: RunSpec) -> None:
        """Show the events of this run from now on."""
        plan = Plan(spec=spec, results=self._boxes.results)
        self._progress = Progress(
            plan, output=self, verbose=self._boxes.verbose, quiet=self._boxes.quiet
        )

    def event(self, event: Event) -> None:
        """Show an event of the run."""
        if self._progress is not None:
            self._progress.show(event)

    def write(self, line: str) -> None:
        """Print a line with the host's name; on a terminal only its failures stay."""
        text = line.strip()
        if not self.is_live or self._boxes.verbose:
            self._boxes.write(f"{self.name}: {text}")
        elif text.startswith("failed"):
            self._boxes.write(f"{self.name}: {self.text}: {text}")
        else:
            self.text = text

    def show(
        self, text: str, *, share: float | None = None, rest: str = "", detail: str = ""
    ) -> None:
        """Show the activity, its share done and the remaining time in the host's line."""
        text = Text.from_ansi(text).plain.strip()
        if text:
            self.text, self.share, self.rest = text, share or 0.0, rest

    def clear(self) -> None:
        """Leave the line: the other hosts go on."""
