"""What a terminal shows while a run goes on: lines that stay, below them a bar that moves."""

import contextlib
from typing import TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.text import Text

_REFRESH_HZ = 2.0
"""Often enough to look alive, too rarely to disturb what is measured on the same machine."""


class Gauge:
    """Lines and a bar on a terminal; nothing is asked of a terminal that went away."""

    is_live = True

    def __init__(self, stream: TextIO) -> None:
        console = Console(file=cast(TextIO, _Deaf(stream)), highlight=False, force_terminal=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[detail]}", markup=False),
            console=console,
            refresh_per_second=_REFRESH_HZ,
            transient=True,
        )
        self._bar: TaskID | None = None

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self._progress.console.print(Text(line), soft_wrap=True)

    def draw(self, text: str) -> None:
        """Show what is going on, without knowing how far it is."""
        if text.strip():
            self.fill(text.strip()[:40], None, "")

    def fill(self, text: str, share: float | None, detail: str) -> None:
        """Show what is going on, how much of it is done, and what is known of it."""
        if self._bar is None:
            self._bar = self._progress.add_task("", total=None, detail="")
        total = None if share is None else 1.0
        self._progress.update(
            self._bar, description=text, total=total, completed=share or 0.0, detail=detail
        )
        self._progress.start()

    def clear(self) -> None:
        """Take the bar away."""
        self._progress.stop()


class _Deaf:
    """A stream that swallows what nobody can read any more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = stream.encoding

    def write(self, text: str) -> int:
        """Write, unless the terminal is gone: that must not end the run."""
        with contextlib.suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush likewise."""
        with contextlib.suppress(OSError):
            self._stream.flush()

    def isatty(self) -> bool:
        """Tell that it was made for a terminal."""
        return True

    def fileno(self) -> int:
        """Return the terminal's descriptor."""
        return self._stream.fileno()
