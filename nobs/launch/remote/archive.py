"""Runs that come home from a host, as an archive with the digest of every file."""

import hashlib
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from nobs.errors import RunLost, StorageError
from nobs.launch.remote.scripts import MARK
from nobs.storage.files import storage_error
from nobs.storage.store import prepare_results
from nobs.text import to_line

MAX_BYTES = 4 << 30
MAX_FILES = 200_000
_MAX_LINE_BYTES = 4096
_DAMAGED = (tarfile.TarError, EOFError, zlib.error, ValueError)


class Damaged(RunLost):
    """An archive that isn't whole, or whose content isn't what its digests say."""


def receive(stream: IO[bytes], run_id: str, results: Path) -> Path:
    """Unpack the run's archive into `results/runs`; return the directory of the run.

    Nothing is left there if any file is missing or altered: then it is Damaged.
    """
    prepare_results(results)
    digests = dict(_read_digests(stream, run_id))
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=results / "runs") as directory:
        try:
            found = dict(_unpack(stream, digests, Path(directory)))
        except OSError as error:
            raise storage_error(results, error) from error
        except _DAMAGED as error:
            raise _damaged(run_id, to_line(error)) from error
        missing = sorted(set(digests) - set(found))
        altered = sorted(name for name in found if found[name] != digests[name])
        if missing or altered:
            what = f"{altered[0]} is altered" if altered else f"{missing[0]} is missing"
            raise _damaged(run_id, f"{what}; {len(found)} of {len(digests)} files came")
        return _place(Path(directory, "runs", run_id), results / "runs" / run_id)


def _damaged(run_id: str, why: str) -> Damaged:
    return Damaged(f"The archive of run {run_id} is incomplete: {why}.", "Copy it again.")


def _read_digests(stream: IO[bytes], run_id: str) -> Iterator[tuple[str, str]]:
    """Yield name and sha256 of each file, up to the archive."""
    for _ in range(MAX_FILES):
        line = stream.readline(_MAX_LINE_BYTES).decode("utf-8", "replace")
        if line.startswith(f"{MARK}archive"):
            return
        digest, _, name = line.rstrip("\n").partition("  ")
        parts = PurePosixPath(name).parts
        if len(digest) != 64 or parts[:2] != ("runs", run_id) or ".." in parts:
            raise _damaged(run_id, "its list of files ends early" if not line else "it has no list")
        yield name, digest
    raise _damaged(run_id, f"it has more than {MAX_FILES:,} files")


def _unpack(
    stream: IO[bytes], digests: Mapping[str, str], directory: Path
) -> Iterator[tuple[str, str]]:
    """Write the listed files below `directory`; yield name and sha256 of each."""
    left = MAX_BYTES
    with tarfile.open(fileobj=stream, mode="r|gz") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            if content is None or member.name not in digests:
                continue
            left -= member.size
            if left < 0:
                raise StorageError(
                    f"The archive unpacks to more than {MAX_BYTES >> 30} GiB.", "Copy it by hand."
                )
            file = directory / member.name
            file.parent.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256()
            with file.open("wb") as out:
                while part := content.read(1 << 20):
                    digest.update(part)
                    out.write(part)
            yield member.name, digest.hexdigest()


def _place(new: Path, final: Path) -> Path:
    """Move a run to its place, instead of an earlier copy of it."""
    try:
        if final.exists():
            final.rename(new.with_name("earlier"))
        new.rename(final)
    except OSError as error:
        raise storage_error(final, error) from error
    shutil.rmtree(new.with_name("earlier"), ignore_errors=True)
    return final
