"""Rows of any data set of the hub, through the `datasets` library."""

from itertools import islice
from pathlib import Path
from typing import Any

import datasets
from datasets.exceptions import DatasetsError
from huggingface_hub import constants

from nobs.data.hub import OFFLINE_REMEDY, check_reachable, hub_errors
from nobs.data.hub_cache import kept_rows
from nobs.data.lines import read_values, require_column
from nobs.data.texts import Rows
from nobs.errors import DataError
from nobs.schema.pins import DatasetPin
from nobs.storage.files import canonical, write_atomic


def read(pin: DatasetPin, *, offline: bool, force: bool) -> Rows:
    """Stream the first rows and cache them; offline, return the cached ones."""
    if offline:
        return Rows(rows=read_kept(pin))
    rows = tuple(row for (row,) in stream(pin, pin.column))
    keep(pin, rows)
    return Rows(rows=rows)


def keep(pin: DatasetPin, rows: tuple[object, ...]) -> None:
    """Write what `read_kept` returns: values of JSON."""
    kept = kept_rows(pin, Path(constants.HF_HOME))
    with hub_errors(DataError, f"data set {pin.id}", pin.revision):
        kept.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(kept, "".join(f"{canonical(row).decode()}\n" for row in rows))


def read_kept(pin: DatasetPin) -> tuple[object, ...]:
    """Return the rows of an earlier run; DataError if there are none."""
    kept = kept_rows(pin, Path(constants.HF_HOME))
    if not kept.is_file():
        raise DataError(f"No rows of {pin.id} are cached in {kept.parent}.", OFFLINE_REMEDY)
    return read_values(kept, pin.rows)


def stream(pin: DatasetPin, *columns: str) -> tuple[tuple[Any, ...], ...]:
    """Fetch the values of these columns in the first rows; DataError says what is missing."""
    with hub_errors(DataError, f"data set {pin.id}", pin.revision):
        check_reachable()
        try:
            return _take(_open(pin), pin, columns)
        except (DatasetsError, RuntimeError, ValueError) as error:
            raise DataError(
                f"Can't load data set {pin.id}, split {pin.split!r}: {error}.",
                "Check its name, configuration, split and revision on the hub.",
            ) from error


def _open(pin: DatasetPin) -> datasets.IterableDataset:
    return datasets.load_dataset(
        pin.id,
        pin.config,
        split=pin.split,
        revision=pin.revision,
        data_files=pin.file,
        streaming=True,
    )


def _take(
    found: datasets.IterableDataset, pin: DatasetPin, columns: tuple[str, ...]
) -> tuple[tuple[Any, ...], ...]:
    rows = list(islice(found, pin.rows))
    for column in columns if rows else ():
        require_column(column, tuple(rows[0]), pin.id)
    return tuple(tuple(row[column] for column in columns) for row in rows)
