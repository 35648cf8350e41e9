"""The terminal: its width, colours, and texts wrapped for it."""

import os
import shutil
import sys
import textwrap

MIN_COLUMNS = 60
COLUMNS = 80
MAX_COLUMNS = 120
"""Longer lines are hard to follow."""


def wants_color() -> bool:
    """Return whether stdout is a terminal that may show colours."""
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not is_plain


def columns() -> int:
    """Return the width for tables; 80 if stdout is no terminal, so that files look the same."""
    if not sys.stdout.isatty():
        return COLUMNS
    return min(MAX_COLUMNS, max(MIN_COLUMNS, shutil.get_terminal_size((COLUMNS, 24)).columns))


def wrap(text: str, indent: str = "  ") -> str:
    """Return `text` wrapped at words for a terminal on stderr; unchanged elsewhere."""
    if not sys.stderr.isatty():
        return text
    width = max(MIN_COLUMNS, shutil.get_terminal_size((COLUMNS, 24)).columns)
    # Paths, URLs and options stay whole, so that they can be copied.
    return "\n".join(
        textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False,
                      break_on_hyphens=False)
        for line in text.splitlines()
    )  # fmt: skip
