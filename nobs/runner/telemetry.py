"""Telemetry of a step: the idle machine, the repeats, the samples in a file."""

import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from math import isnan
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

import psutil

from nobs.runner.limits import LimitWatch
from nobs.runner.measure import CpuClock
from nobs.schema.result import Sample
from nobs.schema.telemetry import DeviceKind, Telemetry
from nobs.storage.files import write_atomic
from nobs.system.telemetry.reader import Reader
from nobs.system.telemetry.sampler import Sampler, Track
from nobs.system.telemetry.summary import Region, Watched, summarise, summarise_parts

BASELINE_S = 2.0
IDLE_CPU_S = 1.0
"""The shortest time that gives the CPU use of an idle machine: the kernel counts in ticks."""
LIVE_CHANNELS = ("power_w", "temperature_c")


class Monitor:
    """The sensors of one step; its block is the measuring loop.

    `alone`: this process and its family do all the work, not a server. `read_cpu` is the clock of
    this process and the machine; inside a container /proc/stat is the host's.
    """

    def __init__(
        self,
        readers: Sequence[Reader],
        *,
        alone: bool = True,
        read_cpu: Callable[[], CpuClock] = CpuClock.read,
    ) -> None:
        self.readers = readers
        self.alone = alone
        self.idle_foreign_cores: float | None = None
        self._read_cpu = read_cpu
        self._idle: Sampler | None = None
        self._busy = Sampler(readers)
        self._foreign: list[int | str] = ["the repeats were not monitored"] * len(readers)
        self._end_s: float | None = None
        self._repeats = 0
        self._limits = LimitWatch(readers)

    def mark(self) -> None:
        """Note the end of a repeat, and read the limits; the last one is the end of the region."""
        self._end_s = time.perf_counter()
        self._repeats += 1
        self._limits.check(self._repeats)

    def watch_idle(self, seconds: float = BASELINE_S, *, cpu_s: float = 0.0) -> None:
        """Watch the idle machine; takes no time where no reader measures power.

        With `cpu_s`, also measure for at least so long how many cores other processes keep busy.
        """
        powered = [r for r in self.readers if {"power_w", "energy_j"} & set(r.channels)]
        before, start = self._read_cpu(), time.perf_counter()
        if powered:
            with Sampler(powered) as self._idle:
                time.sleep(max(seconds, cpu_s))
        elif cpu_s:
            time.sleep(cpu_s)
        if cpu_s:
            foreign_s = self._read_cpu().foreign_since(before)
            self.idle_foreign_cores = max(0.0, foreign_s / (time.perf_counter() - start))

    def __enter__(self) -> Self:
        self._limits = LimitWatch(self.readers)
        self._busy.__enter__()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._end_s is None:
            self.mark()
        self._limits.check(self._repeats, is_last=True)
        self._busy.__exit__(None, None, None)
        self._foreign = self._count_foreign()

    def now(self) -> dict[str, float]:
        """Return the current power and temperature of the first device that measures each."""
        found = {
            channel: [value for t in self._busy.tracks if (value := t.last(channel)) is not None]
            for channel in LIVE_CHANNELS
        }
        return {channel: values[0] for channel, values in found.items() if values}

    def facts(self) -> list[dict[str, Any]]:
        """Return driver, firmware and limits of each GPU that reports any."""
        reported = [r for r in self.readers if r.facts and r.kind is DeviceKind.GPU]
        return [{"name": r.name, "reader": r.vendor} | dict(r.facts) for r in reported]

    def summarise(self, samples: Sequence[Sample], parts: int = 0) -> Telemetry:
        """Return the figures from the start of the first repeat to the end of the last.

        Also those of `parts` of equal length.
        """
        idle = {id(t.reader): t for t in self._idle.tracks} if self._idle else {}
        first = next((t.times for t in idle.values()), ())
        watched = [
            Watched(track=track, idle=idle.get(id(track.reader)), foreign=foreign)
            for track, foreign in zip(self._busy.tracks, self._foreign, strict=True)
        ]
        region = self._region(samples)
        return summarise(
            watched,
            region,
            baseline_s=first[-1] - first[0] if first else 0.0,
            interval_s=self._busy.interval_s,
        ).model_copy(
            update={
                "idle_foreign_cores": self.idle_foreign_cores,
                "cpu_limit_cores": self._limits.at_first("cpu_limit_cores"),
                "limit_changes": tuple(self._limits.changes),
                "parts": summarise_parts(watched, region, parts),
            }
        )

    def write(self, file: Path, samples: Sequence[Sample]) -> None:
        """Write every sample as a line of JSON; time 0 is the start of the first repeat."""
        tracks = [*(self._idle.tracks if self._idle else ()), *self._busy.tracks]
        start_s = self._region(samples).start_s
        lines = [line for track in tracks for line in self._lines(track, start_s)]
        lines.sort(key=itemgetter("t_s"))
        write_atomic(file, "".join(f"{json.dumps(line)}\n" for line in lines))

    def close(self) -> None:
        """Release the vendors' libraries."""
        for reader in self.readers:
            reader.close()

    def _count_foreign(self) -> list[int | str]:
        if not self.alone:
            return [
                "a server does the work; its processes can't be distinguished from others"
            ] * len(self.readers)
        own = find_own_processes() if any(r.processes for r in self.readers) else set()
        return [_count_foreign(reader, own) for reader in self.readers]

    def _lines(self, track: Track, start_s: float) -> Iterator[dict[str, float | str]]:
        device = self.readers.index(track.reader)
        for number, moment in enumerate(track.times):
            values = {name: series[number] for name, series in track.values.items()}
            known = {name: value for name, value in values.items() if not isnan(value)}
            yield {"t_s": moment - start_s, "device": device, "name": track.reader.name, **known}

    def _region(self, samples: Sequence[Sample]) -> Region:
        # A look at the clock just after the last repeat leaves the measuring loop alone.
        if self._end_s is None:
            raise RuntimeError("nothing was watched yet")
        first, last = samples[0], samples[-1]
        span_s = last.start_s + last.duration_s - first.start_s
        timed_s = sum(sample.duration_s for sample in samples)
        return Region(start_s=self._end_s - span_s, end_s=self._end_s, timed_s=timed_s)


def find_own_processes() -> set[int]:
    """Return this process with its ancestors and descendants."""
    this = psutil.Process(os.getpid())
    family = [this, *this.parents(), *this.children(recursive=True)]
    return {process.pid for process in family}


def count_foreign(users: Collection[int], own: Collection[int]) -> int:
    """Count the other processes that use a device.

    A container may see ids of the host: if none of them is ours, one of them still is this process.
    """
    others = set(users) - set(own)
    return len(others) if len(others) < len(set(users)) else max(0, len(others) - 1)


def _count_foreign(reader: Reader, own: Collection[int]) -> int | str:
    if reader.processes is None:
        return f"the reader {reader.vendor} has none"
    try:
        return count_foreign(reader.processes(), own)
    except reader.errors as error:
        return f"{reader.vendor}: {error}"
