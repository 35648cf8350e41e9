"""Texts of a file of the user."""

import csv
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from nobs.data.checks import check_file
from nobs.data.lines import read_csv, read_jsonl, read_txt, require_column
from nobs.data.texts import Rows
from nobs.errors import DataError
from nobs.schema.pins import DatasetPin


def read(pin: DatasetPin, *, offline: bool, force: bool) -> Rows:
    """Read the file at `pin.id`; DataError if it can't be read."""
    path = Path(pin.id)
    if not path.is_file():
        raise DataError(f"There is no file {path}.", "Name a file of texts that exists.")
    sha256 = check_file(path, pin, "The file has changed: pin it again.")
    return Rows(rows=read_rows(path, pin), file_sha256=sha256)


def read_rows(path: Path, pin: DatasetPin) -> tuple[object, ...]:
    """Return the first rows of a column of `path`, whose suffix is the format."""
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise DataError(
            f"The format of {path} is unknown.", f"Name a file with one of: {', '.join(_FORMATS)}."
        )
    try:
        return _FORMATS[suffix](path, pin.column, pin.rows)
    except UnicodeDecodeError as error:
        raise DataError(
            f"Can't read {path}: it isn't {error.encoding.upper()} ({error.reason}).",
            "Save it as UTF-8, in Excel as `CSV UTF-8`.",
        ) from error
    except csv.Error as error:
        raise DataError(
            f"Can't read {path}: {error}.",
            "Close every quote in it, and write a quote within a text twice.",
        ) from error
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(
            f"Can't read {path}: {error}.", "Repair the file or fetch it again."
        ) from error


def read_parquet(path: Path, column: str, rows: int) -> tuple[object, ...]:
    """Return the first values of `column`, reading only the row groups that are needed."""
    values: list[object] = []
    with parquet.ParquetFile(path) as file:
        require_column(column, file.schema_arrow.names, path)
        for batch in file.iter_batches(batch_size=rows, columns=[column]):
            values += batch.column(0).to_pylist()
            if len(values) >= rows:
                break
    return tuple(values[:rows])


_FORMATS = {".txt": read_txt, ".jsonl": read_jsonl, ".csv": read_csv, ".parquet": read_parquet}
