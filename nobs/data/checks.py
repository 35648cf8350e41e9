"""Digests of files and rows, and free disk space; the hub's client checks no contents."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from nobs.errors import DataError, StorageError
from nobs.schema.pins import DatasetPin
from nobs.system.host import free_disk_bytes

RESERVE_BYTES = 64 * 1024**2
"""Space that a download leaves free for reports and logs."""


def digest_rows(rows: Sequence[str]) -> str:
    """Return the hex sha256 of the rows in order.

    Each row counts as its length in UTF-8 bytes (8 bytes, big-endian) followed by those bytes, so
    that no two different sequences of rows have the same encoding.
    """
    digest = hashlib.sha256()
    for row in rows:
        encoded = row.encode()
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()


def digest_file(path: Path) -> str:
    """Return the hex sha256 of the contents of `path`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_file(path: Path, pin: DatasetPin, remedy: str) -> str:
    """Return the sha256 of `path`; DataError if its size or digest is not the pinned one."""
    size = path.stat().st_size
    if pin.file_bytes is not None and size != pin.file_bytes:
        raise DataError(f"{path} has {size} bytes; the pin has {pin.file_bytes}.", remedy)
    found = digest_file(path)
    if pin.file_sha256 and found != pin.file_sha256:
        raise DataError(f"{path} has sha256 {found}; the pin has {pin.file_sha256}.", remedy)
    return found


def check_space(directory: Path, needed: int, free: int | None = None) -> None:
    """Raise StorageError unless `needed` bytes and a reserve fit below `directory`.

    `free` replaces the value of the file system.
    """
    available = free_disk_bytes(directory) if free is None else free
    if available is not None and needed + RESERVE_BYTES > available:
        raise StorageError(
            f"The download needs {needed} bytes below {directory}, "
            f"where {available} bytes are free ({RESERVE_BYTES} stay reserved).",
            "Free some space, or set HF_HOME to a directory on a larger disk.",
        )
