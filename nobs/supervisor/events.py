"""Events are written to the run's `events.jsonl` and to stdout."""

import os
import sys
from typing import Self

from nobs.log import Event, configure_json, format_line
from nobs.storage.files import storage_error
from nobs.storage.rundir import RunDir


class EventSink:
    """Append events to the file and to stdout; a closed stdout doesn't stop the run."""

    def __init__(self, run_dir: RunDir) -> None:
        self._path = run_dir.events_file
        self._stdout_open = True
        try:
            self._file = self._path.open("a", encoding="utf-8", buffering=1)
            self._end_torn_line()
        except OSError as error:
            raise storage_error(self._path, error) from error

    def __enter__(self) -> Self:
        configure_json(self.write)
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def write(self, event: Event) -> None:
        """Write one event as one line."""
        line = format_line(event)
        try:
            self._file.write(line)
        except OSError as error:
            raise storage_error(self._path, error) from error
        if self._stdout_open:
            try:
                sys.stdout.write(line)
                sys.stdout.flush()
            except OSError:
                self._stdout_open = False

    def _end_torn_line(self) -> None:
        """End the last line if an earlier writer was killed within it."""
        with self._path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            if file.read(1) not in (b"", b"\n"):
                self._file.write("\n")
