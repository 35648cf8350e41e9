"""A thread that samples every reader ten times per second while a block runs."""

import threading
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isnan, nan
from typing import Self

from nobs.system.telemetry.reader import Channel, Reader
from nobs.system.telemetry.series import Series

INTERVAL_S = 0.1


@dataclass(kw_only=True)
class Track:
    """The samples of one reader: times and values per channel; NaN where it didn't answer."""

    reader: Reader
    times: "array[float]" = field(default_factory=lambda: array("d"))
    values: "dict[str, array[float]]"
    totals: list[dict[str, float]] = field(default_factory=list)
    """The reader's totals at both ends."""

    @classmethod
    def of(cls, reader: Reader) -> Self:
        """Return an empty track."""
        return cls(reader=reader, values={name: array("d") for name in reader.channels})

    def sample(self) -> None:
        """Append the current values."""
        self.times.append(time.perf_counter())
        for name, channel in self.reader.channels.items():
            self.values[name].append(_read(channel, self.reader))

    def read_totals(self) -> None:
        """Append the current totals."""
        totals = self.reader.totals.items()
        self.totals.append({name: _read(channel, self.reader) for name, channel in totals})

    def last(self, channel: str) -> float | None:
        """Return the newest value, None if there is none."""
        values = self.values.get(channel)
        return values[-1] if values and not isnan(values[-1]) else None

    def series(self, channel: str) -> Series:
        """Return the values with their times, without those that are missing."""
        pairs = zip(self.times, self.values.get(channel, ()), strict=False)
        return [(moment, value) for moment, value in pairs if not isnan(value)]


class Sampler:
    """Samples from the start of its block to the end, in a thread."""

    def __init__(self, readers: Sequence[Reader], interval_s: float = INTERVAL_S) -> None:
        self.tracks = [Track.of(reader) for reader in readers]
        self.interval_s = interval_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)

    def __enter__(self) -> Self:
        for track in self.tracks:
            track.read_totals()
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self._sample()
        for track in self.tracks:
            track.read_totals()

    def _run(self) -> None:
        due = time.perf_counter() + self.interval_s
        while not self._stop.wait(max(0.0, due - time.perf_counter())):
            self._sample()
            # Slow readings make samples rarer; there is no burst to catch up.
            due = max(due + self.interval_s, time.perf_counter())

    def _sample(self) -> None:
        for track in self.tracks:
            track.sample()


def _read(channel: Channel, reader: Reader) -> float:
    try:
        return channel.read()
    except reader.errors:
        return nan
