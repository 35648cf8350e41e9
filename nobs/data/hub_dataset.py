"""Texts of any data set of the hub, through the `datasets` library: open results."""

from itertools import islice
from pathlib import Path

import datasets
from datasets.exceptions import DatasetsError
from huggingface_hub import constants

from nobs.data.hub import OFFLINE_REMEDY, check_reachable, hub_errors
from nobs.data.lines import read_values, require_column
from nobs.data.texts import Rows
from nobs.errors import DataError
from nobs.schema.pins import DatasetPin
from nobs.storage.files import canonical, sha256_of, write_atomic


def read(pin: DatasetPin, *, offline: bool, force: bool) -> Rows:
    """Stream the first rows and cache them; offline, return the cached ones."""
    cached = _cache_file(pin)
    if offline:
        if not cached.is_file():
            raise DataError(f"No rows of {pin.id} are cached in {cached.parent}.", OFFLINE_REMEDY)
        return Rows(rows=read_values(cached, pin.rows))
    rows = _stream(pin)
    with hub_errors(DataError, f"data set {pin.id}", pin.revision):
        cached.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(cached, "".join(f"{canonical(row).decode()}\n" for row in rows))
    return Rows(rows=rows)


def _cache_file(pin: DatasetPin) -> Path:
    return Path(constants.HF_HOME) / "nobs" / f"{sha256_of(pin.model_dump(mode='json'))}.jsonl"


def _stream(pin: DatasetPin) -> tuple[object, ...]:
    with hub_errors(DataError, f"data set {pin.id}", pin.revision):
        check_reachable()
        try:
            return _take(_open(pin), pin)
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


def _take(stream: datasets.IterableDataset, pin: DatasetPin) -> tuple[object, ...]:
    rows = list(islice(stream, pin.rows))
    if rows:
        require_column(pin.column, tuple(rows[0]), pin.id)
    return tuple(row[pin.column] for row in rows)
