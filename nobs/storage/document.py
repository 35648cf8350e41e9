"""Untrusted JSON, read in bounded time and memory, or refused with the reason."""

import json
import stat
from collections import Counter
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

from pydantic_core import PydanticSerializationError, to_json

from nobs.errors import InvalidReport
from nobs.text import to_line

MAX_BYTES = 8 << 20
MAX_VALUES = 400_000
"""Commas and opening brackets: Python needs about 100 times the bytes of an empty list."""
MAX_DEPTH = 32
MAX_INTEGER_DIGITS = 19
MAX_FLOAT_CHARS = 40
_CONTAINERS = {dict, list}

type Document = dict[str, Any]


def read_document(file: Path) -> Document:
    """Return the JSON object in `file`; InvalidReport has the reason of a refusal."""
    return read_with_bytes(file)[0]


def read_with_bytes(file: Path) -> tuple[Document, bytes]:
    """Return the JSON object in `file` and the bytes of the file; InvalidReport as above."""
    try:
        data = _read_bounded(file)
        return parse_document(data), data
    except ValueError as error:
        raise InvalidReport(file, str(error)) from error
    except OSError as error:
        reason = f"it can't be read: {error.strerror or error}"
        raise InvalidReport(file, reason, "Name a readable file.") from error


def parse_document(data: bytes) -> Document:
    """Return the JSON object in `data`; ValueError has the reason of a refusal."""
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MAX_VALUES:
        raise ValueError(f"it has more than {MAX_VALUES:,} values")
    try:
        value = _load(data)
    except UnicodeDecodeError as error:
        raise ValueError(f"it isn't UTF-8, at byte {error.start}") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"it isn't JSON, or is truncated: {error.msg} at {where}") from error
    except RecursionError as error:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels") from error
    if not isinstance(value, dict):
        raise ValueError("it is JSON, but not an object")  # noqa: TRY004 - one kind of refusal
    _check_depth(value)
    if b"\\ud" in data.lower():
        _check_text(value)
    return value


def _load(data: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value; each number is checked unless NOBS wrote exactly this text."""
    text = data.decode("utf-8-sig")
    value = json.loads(text, parse_constant=_refuse_constant, parse_int=_integer)
    if _is_own_text(value, data):
        return value
    return json.loads(
        text, object_pairs_hook=_unique, parse_float=_float, parse_int=_integer,
    )  # fmt: skip


def _is_own_text(value: object, data: bytes) -> bool:
    """Return whether NOBS would write `value` as `data`: no duplicate key, shortest digits."""
    try:
        return to_json(value, indent=2) == data.rstrip(b"\n")
    except PydanticSerializationError:
        return False


def _read_bounded(file: Path) -> bytes:
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it isn't a regular file")
    with file.open("rb") as stream:
        # As much as there is: room for MAX_BYTES costs more time than most files.
        data = stream.read(min(status.st_size, MAX_BYTES) + 1)
        data += stream.read(MAX_BYTES + 1 - len(data))
    if len(data) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES >> 20} MiB")
    return data


def _unique(pairs: list[tuple[str, Any]]) -> Document:
    found = dict(pairs)
    if len(found) < len(pairs):
        ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"an object has the key '{to_line(twice)}' twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} isn't a JSON number")


def _float(text: str) -> float:
    """Return the number; refuse one that a double can't represent.

    NOBS writes the shortest digits that name a double, so other digits were never measured.
    """
    value = float(text)
    if repr(value) == text:
        return value
    if not isfinite(value) or len(text) > MAX_FLOAT_CHARS:
        raise ValueError(f"the number {to_line(text)} is out of range")
    is_zero = not text.lower().partition("e")[0].strip("-0.")
    if not is_zero and (value == 0.0 or Decimal(text) != Decimal(repr(value))):
        raise ValueError(f"the number {to_line(text)} has digits that no double holds")
    return value


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > MAX_INTEGER_DIGITS:
        raise ValueError(f"the number {to_line(text)} is out of range")
    return int(text)


def _check_depth(value: Document) -> None:
    """Refuse deep nesting, which recursive code can't handle."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            part
            for item in level
            for part in (item.values() if type(item) is dict else item)
            if type(part) in _CONTAINERS
        ]
        if not level:
            return
    raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")


def _check_text(value: object) -> None:
    """Refuse text that isn't Unicode: UTF-8 can't hold it, escapes can."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("it has half a surrogate pair, which isn't text") from error
