"""Rows of text files: one a line (.txt), JSON lines (.jsonl), CSV with a header (.csv)."""

import csv
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from nobs.errors import DataError


def read_txt(path: Path, column: str, rows: int) -> tuple[object, ...]:
    """Return the first non-empty lines; a plain text has no columns."""
    with path.open(encoding="utf-8") as file:
        texts = (line.rstrip("\r\n") for line in file)
        return tuple(islice((text for text in texts if text.strip()), rows))


def read_jsonl(path: Path, column: str, rows: int) -> tuple[object, ...]:
    """Return the first values; a line is a string, or an object that has `column`."""
    with path.open(encoding="utf-8") as file:
        values = (json.loads(line) for line in file if line.strip())
        return tuple(_value(value, column, path) for value in islice(values, rows))


def read_csv(path: Path, column: str, rows: int) -> tuple[object, ...]:
    """Return the first values of `column`."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        require_column(column, reader.fieldnames or (), path)
        return tuple(row[column] for row in islice(reader, rows))


def require_column(column: str, columns: Sequence[str], source: object) -> None:
    """Raise DataError, naming the columns there are, unless `column` is one of them."""
    if column not in columns:
        raise DataError(
            f"{source} has no column {column!r}.", f"Its columns are: {', '.join(columns)}."
        )


def _value(value: object, column: str, path: Path) -> object:
    if not isinstance(value, dict):
        return value
    require_column(column, tuple(value), path)
    return value[column]
