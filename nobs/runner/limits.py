"""Limits in force, read between the repeats: after a change the machine isn't the same one."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nobs.schema.telemetry import LimitChange
from nobs.system.telemetry.reader import Reader

COST_SHARE = 0.001
"""Most of the time that reading may take: short repeats share a reading."""


class LimitWatch:
    """What limited the devices and the host before the first repeat, and what has changed since."""

    def __init__(
        self, readers: Sequence[Reader], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._readers = readers
        self._clock = clock
        self._seen_repeat = 0
        self._due_s = 0.0
        self.first = self._last = self._read()
        self.changes: list[LimitChange] = []

    def check(self, repeat: int, *, is_last: bool = False) -> None:
        """Read the limits after `repeat`, unless that was done only just; the last one is read."""
        if repeat == self._seen_repeat or (self._clock() < self._due_s and not is_last):
            return
        found = self._read()
        for reader, before, after in zip(self._readers, self._last, found, strict=True):
            self.changes += [
                LimitChange(
                    device=reader.name, limit=name, before=before[name], after=after[name],
                    first_repeat=self._seen_repeat + 1, last_repeat=repeat,
                )
                for name in before
                # What can't be read for once hasn't changed.
                if name in after and after[name] != before[name]
            ]  # fmt: skip
        self._last = [{**before, **after} for before, after in zip(self._last, found, strict=True)]
        self._seen_repeat = repeat

    def at_first(self, limit: str) -> Any:  # noqa: ANN401 - of the kind that its name says
        """Return the value of a limit before the first repeat; None without one."""
        return next((found[limit] for found in self.first if limit in found), None)

    def _read(self) -> list[Mapping[str, Any]]:
        start_s = self._clock()
        found = [reader.limits() for reader in self._readers]
        end_s = self._clock()
        self._due_s = end_s + (end_s - start_s) / COST_SHARE
        return found
