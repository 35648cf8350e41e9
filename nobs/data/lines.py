"""Rows of text files: one per line (.txt), JSON lines (.jsonl), CSV with a header (.csv)."""

import csv
import json
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections.abc import Sequence
from itertools import chain, dropwhile, islice
from pathlib import Path

from nobs.errors import DataError
from nobs.schema.pins import DatasetPin

# UTF-32's mark begins with that of UTF-16.
_MARKS = (
    (BOM_UTF8, "utf-8-sig"), (BOM_UTF32_LE, "utf-32"), (BOM_UTF32_BE, "utf-32"),
    (BOM_UTF16_LE, "utf-16"), (BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_HEAD_BYTES = 4096
_DELIMITERS = ",;\t|"
_FIELD_CHARACTERS = 2**31 - 1
"""The highest limit of `csv` on every system; its default of 131,072 is too short for books."""


def read_txt(path: Path, column: str, rows: int) -> tuple[object, ...]:
    """Return the first non-empty lines; a plain text has no columns."""
    with path.open(encoding=find_encoding(path)) as file:
        texts = (line.rstrip("\r\n") for line in file)
        return tuple(islice((text for text in texts if text.strip()), rows))


def read_jsonl(path: Path, column: str, rows: int) -> tuple[object, ...]:
    """Return the first values; a line is a string, or an object that has `column`."""
    return tuple(_value(value, column, path) for value in read_values(path, rows))


def read_values(path: Path, rows: int) -> tuple[object, ...]:
    """Return the JSON values of the first lines."""
    with path.open(encoding=find_encoding(path)) as file:
        return tuple(islice((json.loads(line) for line in file if line.strip()), rows))


def read_csv(path: Path, column: str, rows: int) -> tuple[object, ...]:
    """Return the first values of `column`; the delimiter is found in the header."""
    with path.open(encoding=find_encoding(path), newline="") as file:
        lines = dropwhile(str.isspace, file)
        header = next(lines, "")
        delimiter = _hinted_delimiter(header)
        if delimiter:
            header = next(lines, "")
        if not header:
            raise DataError(f"{path} is empty.", "Its first line must name the columns.")
        # This limit holds for the whole process; nothing else here reads CSV.
        csv.field_size_limit(_FIELD_CHARACTERS)
        delimiter = delimiter or _find_delimiter(header, column)
        # Strict, since an open quote would make one text of the whole rest.
        reader = csv.reader(chain([header], lines), delimiter=delimiter, strict=True)
        columns = next(reader, [])
        require_column(column, columns, path)
        found = (
            _field(row, columns, column, f"{path}, line {reader.line_num}") for row in reader if row
        )
        return tuple(islice(found, rows))


def find_encoding(path: Path) -> str:
    """Return the encoding that the byte order mark of `path` names; UTF-8 without one.

    DataError for zero bytes without a mark: the file is binary, or UTF-16 that can't be detected.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if marked is None and b"\0" in head:
        raise DataError(
            f"{path} has zero bytes: it isn't text, or is UTF-16 without a byte order mark.",
            "Save it as UTF-8.",
        )
    return marked or "utf-8"


def require_column(column: str, columns: Sequence[str], source: object) -> None:
    """Raise DataError with the columns' names unless exactly one is `column`."""
    found = columns.count(column)
    if found != 1:
        has = "no column" if found == 0 else f"{found} columns"
        names = ", ".join(map(_show, columns))
        raise DataError(f"{source} has {has} {column!r}.", f"Its columns are: {names}.")


def _show(name: str) -> str:
    """Return a column's name, quoted if a part of it is invisible."""
    return name if name.isprintable() and name == name.strip() and name else repr(name)


def _hinted_delimiter(line: str) -> str:
    """Return the delimiter of Excel's line before a header, as in `sep=;`; empty without one."""
    hint = line.rstrip("\r\n")
    return hint[4:] if hint.lower().startswith("sep=") and len(hint) == 5 else ""


def _find_delimiter(header: str, column: str) -> str:
    """Return the delimiter of `header` that gives `column`, else the one that gives most fields."""

    def rate(delimiter: str) -> tuple[bool, int]:
        names = next(csv.reader([header], delimiter=delimiter), [])
        return column in names, len(names)

    return max(_DELIMITERS, key=rate)


def _field(row: Sequence[str], columns: Sequence[str], column: str, where: str) -> object:
    """Return the value of `column`, None if the row is shorter; DataError if it is longer.

    The rest of an unquoted text with a delimiter in it would be lost.
    """
    if any(row[len(columns) :]):
        raise DataError(
            f"{where} has {len(row)} fields; the header has {len(columns)}.",
            "Put quotes around texts that contain the delimiter.",
        )
    index = columns.index(column)
    return row[index] if index < len(row) else None


def _value(value: object, column: str, path: Path) -> object:
    if not isinstance(value, dict):
        if column != DatasetPin.model_fields["column"].default:
            raise DataError(
                f"{path} has no column {column!r}: its lines are plain texts.",
                "Leave out --column.",
            )
        return value
    require_column(column, tuple(value), path)
    return value[column]
