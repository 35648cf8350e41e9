"""Digests of files and rows, and free disk space; the hub's client checks no contents."""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from nobs.errors import DataError, StorageError
from nobs.schema.pins import DatasetPin

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


def free_bytes(directory: Path) -> int:
    """Return the free bytes of the disk that holds `directory`, which need not exist yet."""
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    return shutil.disk_usage(existing).free


def check_space(directory: Path, needed: int, free: Callable[[Path], int] = free_bytes) -> None:
    """Raise StorageError unless `needed` bytes and a reserve fit below `directory`."""
    available = free(directory)
    if needed + RESERVE_BYTES > available:
        raise StorageError(
            f"The download needs {needed} bytes below {directory}, "
            f"where {available} bytes are free ({RESERVE_BYTES} stay reserved).",
            "Free some space, or set HF_HOME to a directory on a larger disk.",
        )
