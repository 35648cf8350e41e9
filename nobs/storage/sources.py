"""Report files out of directories, archives and other machines, which may be hostile.

Nothing is unpacked: of each source only files with the names of reports are read into memory, in
bounded size and number, and no name in it becomes a path here.
"""

import bz2
import gzip
import io
import lzma
import os
import re
import shlex
import stat
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from nobs.errors import StorageError
from nobs.storage.document import MAX_BYTES
from nobs.system.ssh import config_words
from nobs.text import to_line

MAX_FILES = 200_000
MAX_UNPACKED_BYTES = 4 << 30
MAX_KEPT_BYTES = 512 << 20
MAX_HEADER_BYTES = 1 << 20
_WANTED = re.compile(r"(^|/)(report_[^/]*|runs/[^/]+/(report|spec))\.json$")
_REMOTE = re.compile(r"(?P<host>[^/:\s-][^/:\s]*):(?P<directory>.+)")
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, OSError,
            NotImplementedError, RuntimeError, ValueError)  # fmt: skip
_FIND = (
    "cd {directory} && find . -type f \\( -name 'report_*.json' -o -path '*/runs/*/report.json' "
    "-o -path '*/runs/*/spec.json' \\) -print | tar -cf - -T -"
)


class SourceError(StorageError):
    """A source that can't be read to its end; what was read before it counts."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One file of a source."""

    source: str
    name: str
    """Path within the source, with slashes."""
    data: bytes


def read_source(source: str) -> Iterator[Item]:
    """Yield the reports and specifications in a directory, an archive, a file or `HOST:DIRECTORY`.

    SourceError where it is damaged, too large or can't be reached.
    """
    path = Path(source)
    budget = MAX_KEPT_BYTES
    files = _open(source, path)
    for name, data in files:
        budget -= len(data)
        if budget < 0:
            raise _too_large(source, f"its reports have more than {MAX_KEPT_BYTES >> 20} MiB")
        yield Item(source=source, name=name, data=data)


def _open(source: str, path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        return _read_directory(source, path)
    if path.is_file():
        return _read_file(source, path)
    if remote := _REMOTE.fullmatch(source):
        return _read_remote(source, remote["host"], remote["directory"])
    raise SourceError(
        f"{to_line(source)} is neither a file nor a directory.",
        "Name a results directory, an archive of one, or HOST:DIRECTORY.",
    )


def _read_directory(source: str, path: Path) -> Iterator[tuple[str, bytes]]:
    count = 0
    for place, directories, names in os.walk(path):
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        count += len(names)
        if count > MAX_FILES:
            raise _too_large(source, f"it has more than {MAX_FILES:,} files")
        for name in sorted(names):
            file = Path(place, name)
            inner = file.relative_to(path).as_posix()
            # In `runs` itself, as where a run's directory is named.
            if not _WANTED.search(f"{path.resolve().parent.name}/{path.resolve().name}/{inner}"):
                continue
            # A link could name any file of this machine.
            if stat.S_ISREG(file.lstat().st_mode):
                yield inner, _read_bounded(file)


def _read_bounded(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)


def _read_file(source: str, path: Path) -> Iterator[tuple[str, bytes]]:
    with path.open("rb") as file:
        head = file.read(264)
    if head.startswith(b"PK"):
        return _read_zip(source, path)
    if kind := _compression(head):
        return _read_packed(source, path, kind)
    if head[257:262] == b"ustar":
        return _read_packed(source, path, "tar")
    return iter([(path.name, _read_bounded(path))])


def _compression(head: bytes) -> str | None:
    magics = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
    return next((name for magic, name in magics.items() if head.startswith(magic)), None)


def _read_packed(source: str, path: Path, kind: str) -> Iterator[tuple[str, bytes]]:
    openers: Mapping[str, Callable[[Path, str], Any]] = {
        "tar": open, "gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open,
    }  # fmt: skip
    if kind not in openers:
        raise SourceError(
            f"{to_line(source)} is compressed by {kind}, which isn't supported.",
            "Pack it with gzip, as in `tar -czf results.tar.gz results`.",
        )
    with openers[kind](path, "rb") as stream:
        yield from _read_tar(source, stream)


class _Bounded(io.RawIOBase):
    """A stream that ends with SourceError after `MAX_UNPACKED_BYTES`."""

    def __init__(self, source: str, stream: IO[bytes]) -> None:
        self._source = source
        self._stream = stream
        self._left = MAX_UNPACKED_BYTES

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _too_large(
                self._source, f"it unpacks to more than {MAX_UNPACKED_BYTES >> 30} GiB"
            )
        return data


class _PlainHeader(tarfile.TarInfo):
    """A header whose extensions, which are read into memory as a whole, are of limited size."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_PlainHeader":
        """Return the header; ReadError for an extension that is too long."""
        found = super().frombuf(buf, encoding, errors)
        if not found.isfile() and found.size > MAX_HEADER_BYTES:
            raise tarfile.ReadError("a header is too long")
        return found


def _read_tar(source: str, stream: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    with _explained(source), tarfile.open(
        fileobj=_Bounded(source, stream),
        mode="r|",
        tarinfo=_PlainHeader,
    ) as archive:  # fmt: skip
        for count, member in enumerate(archive):
            archive.members = []  # type: ignore[attr-defined]
            if count > MAX_FILES:
                raise _too_large(source, f"it has more than {MAX_FILES:,} files")
            if not member.isreg() or not _WANTED.search(member.name):
                continue
            content = archive.extractfile(member)
            if content is not None:
                yield member.name, content.read(MAX_BYTES + 1)


def _read_zip(source: str, path: Path) -> Iterator[tuple[str, bytes]]:
    with _explained(source), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > MAX_FILES:
            raise _too_large(source, f"it has more than {MAX_FILES:,} files")
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)
            if _WANTED.search(member.filename) and kind in (0, stat.S_IFREG):
                with archive.open(member) as content:
                    yield member.filename, content.read(MAX_BYTES + 1)


def _read_remote(source: str, host: str, directory: str) -> Iterator[tuple[str, bytes]]:
    """Let the system's ssh pack the files there, with the user's configuration."""
    command = _FIND.format(directory=shlex.quote(directory))
    with subprocess.Popen(
        ["ssh", *config_words(), "--", host, command], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        if process.stdout is None or process.stderr is None:
            raise RuntimeError("pipes are always asked for")
        try:
            yield from _read_tar(source, process.stdout)
        except SourceError:
            process.kill()
            said = process.stderr.read(4096).decode("utf-8", "replace")
            if said.strip():
                raise _unreachable(source, said) from None
            raise
        said = process.stderr.read(4096).decode("utf-8", "replace")
    if process.returncode:
        raise _unreachable(source, said)


@contextmanager
def _explained(source: str) -> Iterator[None]:
    try:
        yield
    except SourceError:
        raise
    except _DAMAGED as error:
        raise SourceError(
            f"{to_line(source)} is damaged or only a part of an archive: {to_line(error)}.",
            "Copy it again.",
        ) from error


def _too_large(source: str, why: str) -> SourceError:
    return SourceError(f"{to_line(source)} is too large: {why}.", "Pack the results alone.")


def _unreachable(source: str, said: str) -> SourceError:
    return SourceError(
        f"{to_line(source)} can't be read by ssh: {to_line(said.strip(), 500)}.",
        "Try `ssh HOST ls DIRECTORY`.",
    )
