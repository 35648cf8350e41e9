"""The last line of a terminal that shows what goes on, and lines that stay."""

import contextlib
import os
import re
import sys
from typing import Protocol, TextIO

import click

_STEP = re.compile(r"#\d+ (\[(?!internal\]|auth\]).*)")


class Line(Protocol):
    """What a build's output is shown with."""

    @property
    def is_live(self) -> bool:
        """Whether something that changes is shown."""

    def say(self, line: str) -> None:
        """Print a line that stays."""

    def draw(self, text: str) -> None:
        """Show what goes on."""


def can_draw(stream: TextIO) -> bool:
    """Tell whether `stream` is a terminal that can take a line away again."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


class LiveLine:
    """Lines for people on stderr; the one that changes is drawn on a terminal only."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._is_live = can_draw(self._stream)
        self._is_drawn = False

    @property
    def is_live(self) -> bool:
        """Whether a terminal shows the changing line."""
        return self._is_live

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self.clear()
        self._write(f"{line}\n")

    def draw(self, text: str) -> None:
        """Show what is going on in the last line of a terminal."""
        if self._is_live and text.strip():
            self._write(f"\r\x1b[2K  {text.strip()[:74]}")
            self._is_drawn = True

    def clear(self) -> None:
        """Take the changing line away."""
        if self._is_drawn:
            self._write("\r\x1b[2K")
            self._is_drawn = False

    def _write(self, text: str) -> None:
        """Write, unless nobody reads any more: `nobs run 2>&1 | head` must not end the run."""
        with contextlib.suppress(OSError):
            click.echo(text, nl=False, file=self._stream)


class BuildProgress:
    """An image build's output: its tail on a terminal, each step's first line elsewhere."""

    def __init__(self, line: Line, *, verbose: bool = False) -> None:
        self._line = line
        self._verbose = verbose
        self._steps: set[str] = set()

    def show(self, text: str) -> None:
        """Show one line of BuildKit's plain output."""
        if self._verbose:
            self._line.say(text)
        elif self._line.is_live:
            self._line.draw(text)
        else:
            self._say_step(text)

    def _say_step(self, text: str) -> None:
        step = _STEP.fullmatch(text.rstrip())
        if step and step[1] not in self._steps:
            self._steps.add(step[1])
            self._line.say(f"  {step[1][:110]}")
