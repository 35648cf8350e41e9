"""The raw time stamps of every request, in a file next to the step's result."""

import gzip
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nobs.settings import hide_secrets
from nobs.storage.files import storage_error
from nobs.tasks.chat.client.record import ChatRecord

FILE = "requests.jsonl.gz"


def stamps_line(record: ChatRecord, **names: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return one request as a JSON line: names, raw stamps in ns, received text."""
    stamps = asdict(record.stamps) if record.stamps else None
    said = {"error": hide_secrets(record.error), "text": hide_secrets(record.text)}
    return json.dumps({**names, "failure": record.failure, "stamps": stamps, **said})


def write_stamps(directory: Path, lines: Iterable[str]) -> None:
    """Write the file of stamps; StorageError if that fails."""
    file = directory / FILE
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with gzip.open(file, "wt", encoding="utf-8") as stream:
            stream.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise storage_error(file, error) from error
