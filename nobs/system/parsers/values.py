"""Values from untrusted text."""

import json
import re
from collections.abc import Mapping
from math import isfinite

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")


def json_value(text: str | None) -> object:
    """Return the decoded JSON, or None."""
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None


def mapping(value: object) -> Mapping[str, object]:
    """Return `value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """Return `value` if it is a list; a lone object counts as a list of one (PowerShell)."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict) else []


def first_mapping(value: object) -> Mapping[str, object]:
    """Return the first object of a list."""
    return next((mapping(item) for item in items(value)), {})


def stripped(text: str | None) -> str | None:
    """Return the text without outer blanks; None if it is empty."""
    return (text or "").strip() or None


def text_of(value: object) -> str | None:
    """Return a string's content on one line without outer blanks; None if it is empty."""
    if not isinstance(value, str):
        return None
    return " ".join(value.replace("\0", " ").split()) or None


def number(value: object) -> float | None:
    """Return a finite number from a number or a decimal string."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value.strip()) else None
    if isinstance(value, int | float) and abs(value) < 1e18 and isfinite(value):
        return float(value)
    return None


def integer(value: object) -> int | None:
    """Return a whole number from a number or a decimal string."""
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", value) else None
    found = number(value)
    return int(found) if found is not None and found.is_integer() else None


def key_values(text: str | None, separator: str) -> dict[str, str]:
    """Return `key<separator>value` lines; the first of several equal keys wins."""
    found: dict[str, str] = {}
    for line in (text or "").splitlines():
        key, mark, value = line.partition(separator)
        if mark and key.strip():
            found.setdefault(key.strip(), value.strip())
    return found
