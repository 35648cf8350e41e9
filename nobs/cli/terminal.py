"""What stdout can show: colours and columns."""

import os
import shutil
import sys

MIN_COLUMNS = 60
COLUMNS = 80
MAX_COLUMNS = 120
"""Longer lines are hard to follow."""


def wants_color() -> bool:
    """Tell whether stdout is a terminal that may show colours."""
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not is_plain


def columns() -> int:
    """Return how wide a table may be; 80 where stdout is no terminal, so that files are alike."""
    if not sys.stdout.isatty():
        return COLUMNS
    return min(MAX_COLUMNS, max(MIN_COLUMNS, shutil.get_terminal_size((COLUMNS, 24)).columns))
