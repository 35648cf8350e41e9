"""The kernel's cache of files: dropping the pages of some, and how much of them is left."""

import ctypes
import mmap
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def drop_files(files: Iterable[Path]) -> None:
    """Ask the kernel to drop the pages of `files`, where it can be asked (Linux); needs no root.

    Pages that a process has mapped stay.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    for file in files:
        with suppress(OSError), file.open("rb") as opened:
            os.fsync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def cached_share(files: Iterable[Path]) -> float | None:
    """Return the share of the pages of `files` that are in memory; None where unknown."""
    if sys.platform != "linux":
        return None
    found = [pair for file in files if (pair := _count_pages(file)) is not None]
    pages = sum(count for _, count in found)
    return sum(resident for resident, _ in found) / pages if pages else None


def _is_told(file: Path) -> bool:
    """Return whether the kernel counts for us: it calls all pages of others' files resident."""
    return file.stat().st_uid == os.geteuid() or os.access(file, os.W_OK)


def _count_pages(file: Path) -> tuple[int, int] | None:
    """Return how many pages of `file` are in memory, and how many it has."""
    try:
        size = file.stat().st_size
        if not size:
            return 0, 0
        if not _is_told(file):
            return None
        # Private and writable, as ctypes takes the address of such memory only; nothing is written.
        with (
            file.open("rb") as opened,
            mmap.mmap(opened.fileno(), size, access=mmap.ACCESS_COPY) as mapped,
        ):
            pages = -(-size // mmap.PAGESIZE)
            states = (ctypes.c_ubyte * pages)()
            start = ctypes.c_char.from_buffer(mapped)
            code = ctypes.CDLL(None, use_errno=True).mincore(
                ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(size), states
            )
            del start
    except (OSError, ValueError, AttributeError):
        return None
    return (sum(state & 1 for state in states), pages) if code == 0 else None
