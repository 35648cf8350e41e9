"""What a terminal shows while a run goes on: lines that stay, below them a bar that moves."""

import contextlib
from collections.abc import Iterator
from typing import TextIO, cast

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.text import Text

MOST_CHARACTERS = 54
"""Beside spinner and bar in 80 columns."""
_REFRESH_HZ = 2.0
"""Often enough to look alive, too rarely to disturb what is measured on the same machine."""


class _Bar(Progress):
    """A bar with a second line, so that nothing is cut at 80 columns."""

    detail = ""

    def get_renderables(self) -> Iterator[RenderableType]:
        """Yield the bar, and what is known of it."""
        yield self.make_tasks_table(self.tasks)
        if self.detail:
            yield Text(f"  {self.detail}", no_wrap=True, overflow="ellipsis")


class Gauge:
    """Lines and a bar on a terminal; nothing is asked of a terminal that went away."""

    is_live = True

    def __init__(self, stream: TextIO) -> None:
        console = Console(file=cast(TextIO, _Deaf(stream)), highlight=False, force_terminal=True)
        self._progress = _Bar(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[rest]}", markup=False),
            console=console,
            refresh_per_second=_REFRESH_HZ,
            transient=True,
        )
        self._bar: TaskID | None = None
        self._is_measured = False

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self._progress.console.print(Text(line), soft_wrap=True)

    def draw(self, text: str) -> None:
        """Show what is going on, without knowing how far it is."""
        if text.strip():
            self.fill(text.strip()[:MOST_CHARACTERS], None, "", "")

    def fill(self, text: str, share: float | None, rest: str, detail: str) -> None:
        """Show what is going on, how much of it is done, how long it takes and what is known."""
        self._progress.detail = detail
        if self._bar is None or self._is_measured != (share is not None):
            self._bar = self._replace_bar(text, is_measured=share is not None)
        self._progress.update(self._bar, description=text, completed=share or 0.0, rest=rest)
        self._progress.start()

    def _replace_bar(self, text: str, *, is_measured: bool) -> TaskID:
        """Start anew: a bar of the library can't forget how long it is."""
        if self._bar is not None:
            self._progress.remove_task(self._bar)
        self._is_measured = is_measured
        return self._progress.add_task(text, total=1.0 if is_measured else None, rest="")

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
