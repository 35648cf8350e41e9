"""Fields of servers' answers: of the expected type, or None."""

import math
from collections.abc import Mapping
from typing import Any


def text_of(value: object) -> str | None:
    """Return a non-empty text."""
    return value if isinstance(value, str) and value else None


def texts_of(value: object) -> list[str]:
    """Return the texts of a list, empty if it is none."""
    return [each for each in value if text_of(each)] if isinstance(value, list) else []


def count_of(value: object) -> int | None:
    """Return a whole number above 0."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    return None


def number_of(value: object) -> float | None:
    """Return a number above 0."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    return None


def flag_of(value: object) -> bool | None:
    """Return true or false."""
    return value if isinstance(value, bool) else None


def table_of(value: object) -> Mapping[str, Any]:
    """Return an object, empty if it is none."""
    return value if isinstance(value, Mapping) else {}


def tables_of(value: object) -> list[Mapping[str, Any]]:
    """Return a list of objects, empty if it is none."""
    return [table_of(each) for each in value] if isinstance(value, list) else []
