"""Canonical JSON, digests and atomic writing of records."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic_core
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from nobs.errors import StorageError
from nobs.text import whole_characters


def to_json(record: BaseModel) -> str:
    """Return indented JSON with the names that are used on disk.

    Half characters, as some servers send them, are replaced: UTF-8 can't encode them.
    """
    try:
        text = record.model_dump_json(indent=2, by_alias=True)
    except PydanticSerializationError:
        values = _with_whole_characters(record.model_dump(by_alias=True))
        text = pydantic_core.to_json(values, indent=2, inf_nan_mode="null").decode()
    return text + "\n"


def _with_whole_characters(value: Any) -> Any:  # noqa: ANN401 - any value of a record
    match value:
        case str():
            return whole_characters(value)
        case Mapping():
            return {whole_characters(str(k)): _with_whole_characters(v) for k, v in value.items()}
        case list() | tuple():
            return [_with_whole_characters(each) for each in value]
        case _:
            return value


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return JSON with sorted keys and no spaces; NaN and infinity raise ValueError."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def sha256_of(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the hex sha256 of the canonical JSON of `value`."""
    return hashlib.sha256(canonical(value)).hexdigest()


def digest_of(document: Mapping[str, Any]) -> str:
    """Return the sha256 of the canonical JSON of a report without its `digest`."""
    return sha256_of({key: value for key, value in document.items() if key != "digest"})


def write_atomic(path: Path, text: str) -> None:
    """Write `text` so that readers see the old or the complete new file, also after a crash."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.{os.getpid()}.")
    except OSError as error:
        raise storage_error(path, error) from error
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise storage_error(path, error) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _sync_directory(directory: Path) -> None:
    """Make a rename survive a power loss; Windows doesn't need this."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(directory: Path, remedy: str, **options: Any) -> None:  # noqa: ANN401 - of mkdir
    """Create a directory with these `options` of `mkdir`; StorageError if that fails."""
    try:
        directory.mkdir(**options)
    except OSError as error:
        raise StorageError(
            f"Can't create the directory {directory}: {error.strerror or error}.", remedy
        ) from error


def storage_error(path: Path, error: OSError) -> StorageError:
    """Return the error of a file that can't be written."""
    return StorageError(
        f"Can't write {path}: {error.strerror or error}.",
        "Free some space, or name a writable directory with --results.",
    )
