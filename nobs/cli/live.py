"""Progress output: permanent lines and, on a terminal, a bar below them."""

import contextlib
import os
import re
import sys
import textwrap
from collections.abc import Iterator
from typing import Protocol, TextIO, cast

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

MOST_CHARACTERS = 54
"""Next to spinner and bar in 80 columns."""
_REFRESH_HZ = 2.0
"""Low, so that drawing doesn't disturb the measurement on the same machine."""
_BUILD_STEP = re.compile(r"#\d+ (\[(?!internal\]|auth\]).*)")


class Output(Protocol):
    """Where progress is shown."""

    @property
    def is_live(self) -> bool:
        """Whether a line moves, on a terminal."""

    def write(self, line: str) -> None:
        """Print a permanent line."""

    def show(
        self, text: str, *, share: float | None = None, rest: str = "", detail: str = ""
    ) -> None:
        """Show the activity, its share done, the remaining time and details."""

    def clear(self) -> None:
        """Remove what moves."""


class LiveOutput:
    """Lines and a bar on stderr; a log, a pipe or a dumb terminal gets only the lines."""

    def __init__(self, stream: TextIO | None = None) -> None:
        stream = stream or sys.stderr
        self.is_live = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._console = Console(
            file=cast(TextIO, IgnoreClosedStream(stream)), highlight=False,
            force_terminal=self.is_live,
        )  # fmt: skip
        self.progress = _TwoLines(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[rest]}", markup=False),
            console=self._console,
            refresh_per_second=_REFRESH_HZ,
            transient=True,
            disable=not self.is_live,
        )

    def write(self, line: str) -> None:
        """Print a permanent line; on a terminal it wraps with a hanging indent."""
        if self.is_live and "\x1b" not in line:
            indent = " " * (len(line) - len(line.lstrip()) + 2)
            line = textwrap.fill(
                line, self._console.width, subsequent_indent=indent, break_long_words=False,
                break_on_hyphens=False,
            )  # fmt: skip
        self._console.print(Text.from_ansi(line), soft_wrap=True)

    def show(
        self, text: str, *, share: float | None = None, rest: str = "", detail: str = ""
    ) -> None:
        """Show the activity, its share done, the remaining time and a second line of details."""
        text = Text.from_ansi(text).plain.strip()
        if not self.is_live or not text:
            return
        total = None if share is None else 1.0
        if [task.total for task in self.progress.tasks] != [total]:
            # A bar of rich can't become indeterminate again.
            for task in self.progress.task_ids:
                self.progress.remove_task(task)
            self.progress.add_task("", total=total, rest="")
        self.progress.detail = detail
        self.progress.update(
            self.progress.task_ids[0], description=text[:MOST_CHARACTERS],
            completed=share or 0.0, rest=rest,
        )  # fmt: skip
        self.progress.start()

    def clear(self) -> None:
        """Remove the bar."""
        self.progress.stop()


class _TwoLines(Progress):
    """A bar with a second line, so that nothing is cut off at 80 columns."""

    detail = ""

    def get_renderables(self) -> Iterator[RenderableType]:
        """Yield the bar and its details."""
        yield self.make_tasks_table(self.tasks)
        if self.detail:
            yield Text(f"  {self.detail}", no_wrap=True, overflow="ellipsis")


class IgnoreClosedStream:
    """A stream that survives a closed pipe: `nobs run 2>&1 | head` must not end the run."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> None:
        """Write, unless the reader is gone."""
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        """Flush, unless the reader is gone."""
        with contextlib.suppress(OSError):
            self._stream.flush()


class BuildProgress:
    """Output of an image build: its last line on a terminal, each step elsewhere."""

    def __init__(self, output: Output, *, verbose: bool = False) -> None:
        self._output = output
        self._verbose = verbose
        self._steps: set[str] = set()

    def show(self, text: str) -> None:
        """Show one line of BuildKit's plain output."""
        if self._verbose:
            self._output.write(text)
        elif self._output.is_live:
            self._output.show(text)
        elif (step := _BUILD_STEP.fullmatch(text.rstrip())) and step[1] not in self._steps:
            self._steps.add(step[1])
            self._output.write(f"  {step[1][:110]}")
