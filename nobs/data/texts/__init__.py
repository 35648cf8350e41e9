"""The texts of a workload, whatever their source, with the evidence of which they are."""

from dataclasses import dataclass
from importlib import import_module
from statistics import median
from typing import Protocol, cast

from pydantic import Field

from nobs.data.checks import digest_rows
from nobs.data.found import Inputs
from nobs.errors import DataError, RequirementError
from nobs.schema.base import Record
from nobs.schema.pins import DatasetPin, Source
from nobs.schema.result import DataEvidence

# By name: packaged texts need neither pyarrow, nor the hub's client, nor `datasets`.
_READERS = {
    "package": "nobs.data.packaged",
    "path": "nobs.data.local",
    "pinned": "nobs.data.pinned",
    "open": "nobs.data.hub_dataset",
}


class RowLengths(Record):
    """Lengths of the rows in characters."""

    shortest: int
    median: float
    longest: int


class TextsEvidence(DataEvidence):
    """Which texts were measured."""

    characters: int = Field(ge=0)
    """Of all rows."""
    row_characters: RowLengths | None = None
    """Distribution of their lengths; null in reports older than this field."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows as in the source, and the digest of their file if there is one."""

    rows: tuple[object, ...]
    file_sha256: str | None = None


class Reader(Protocol):
    """A module that reads the rows of one kind of pin."""

    def read(self, pin: DatasetPin, *, offline: bool, force: bool) -> Rows:
        """Return the first `pin.rows` rows; fetch them if needed and allowed."""
        ...


def load_texts(pin: DatasetPin, *, offline: bool = False, force: bool = False) -> Inputs:
    """Return the pinned rows, fetched if needed; DataError if they are not the pinned ones.

    `offline` forbids the network; `force` ignores the cache.
    """
    found = _reader(pin).read(pin, offline=offline, force=force)
    rows = _check_rows(found.rows, pin)
    lengths = [len(row) for row in rows]
    evidence = TextsEvidence(
        rows=len(rows),
        rows_sha256=_check_digest(rows, pin),
        rows_verified=bool(pin.rows_sha256),
        file_sha256=found.file_sha256,
        file_verified=bool(pin.file_sha256 and found.file_sha256),
        characters=sum(lengths),
        row_characters=RowLengths(
            shortest=min(lengths), median=median(lengths), longest=max(lengths)
        ),
    )
    return Inputs(rows=rows, evidence=evidence)


def _reader(pin: DatasetPin) -> Reader:
    kind = pin.source.value
    if pin.source is Source.HUB:
        kind = "pinned" if pin.file and pin.revision else "open"
    try:
        return cast(Reader, import_module(_READERS[kind]))
    except ModuleNotFoundError as error:
        raise RequirementError(
            f"Reading {pin.id} needs the package {error.name}, which isn't installed.",
            'Install it with `pip install "nobs[bench]"`, or run in a container.',
        ) from error


def _check_rows(rows: tuple[object, ...], pin: DatasetPin) -> tuple[str, ...]:
    if not rows:
        raise DataError(f"{pin.id} has no texts.", "Put one text into each line, or name another.")
    if len(rows) < pin.rows:
        raise DataError(
            f"{pin.id} has {len(rows)} rows; {pin.rows} were requested.",
            "Use fewer --rows or a larger data set.",
        )
    texts = tuple(row for row in rows if isinstance(row, str) and row.strip())
    if len(texts) < len(rows):
        raise DataError(
            f"{len(rows) - len(texts)} of the first {len(rows)} rows of column {pin.column!r} "
            f"of {pin.id} have no text.",
            "Name a column without empty values.",
        )
    broken = [number for number, text in enumerate(texts, start=1) if not _is_unicode(text)]
    if broken:
        raise DataError(
            f"Row {broken[0]} of {pin.id} has half a surrogate pair, which isn't a character.",
            "Remove it, or name other texts.",
        )
    return texts


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_digest(rows: tuple[str, ...], pin: DatasetPin) -> str:
    found = digest_rows(rows)
    if pin.rows_sha256 and found != pin.rows_sha256:
        raise DataError(
            f"The {len(rows)} rows of {pin.id} have sha256 {found}; the pin has {pin.rows_sha256}.",
            "These aren't the texts of the workload: correct the pin, or measure an open result.",
        )
    return found
