"""The only timing loop, independent of models."""

import gc
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol

import psutil

from nobs.runner.pace import Pace
from nobs.schema.pins import RepeatPolicy
from nobs.schema.result import Sample
from nobs.stats import interval_of_repeats

LOOKS = 50
"""The interval is computed at most this often per doubling of repeats: it takes time."""


class Repeatable(Protocol):
    """Work that can be timed."""

    def run(self) -> int:
        """Do the work once; return how many units were done."""

    def synchronize(self) -> None:
        """Wait until the device has finished."""


@dataclass(frozen=True)
class CpuClock:
    """CPU seconds of this process and of the whole machine at one moment."""

    own_s: float
    machine_s: float
    stolen_s: float
    """CPU seconds, of all cores, that a hypervisor gave to other machines."""

    @classmethod
    def read(cls) -> "CpuClock":
        """Read the clocks of this process and of the machine."""
        times, own = psutil.cpu_times(), os.times()
        # Children that have ended are part of this process's work.
        own_s = time.process_time() + own.children_user + own.children_system
        return cls(own_s, busy_s(times), getattr(times, "steal", 0.0))

    def foreign_since(self, before: "CpuClock") -> float:
        """Return the CPU seconds that other processes used since `before`."""
        return self.machine_s - before.machine_s - (self.own_s - before.own_s)


def busy_s(times: Any) -> float:  # noqa: ANN401 - psutil's own class, other on each system
    """Return the busy CPU seconds of this machine; user time includes guests."""
    unused = ("idle", "iowait", "guest", "guest_nice", "steal")
    return float(sum(times) - sum(getattr(times, name, 0.0) for name in unused))


def repeat(
    work: Repeatable,
    policy: RepeatPolicy,
    on_sample: Callable[[int, Sample], None],
    pace: Pace | None = None,
) -> list[Sample]:
    """Time `work` until `policy` is met; `on_sample` is called between the timed regions.

    So are the rests and probes of `pace`; rests don't count towards the policy's time.
    """
    samples: list[Sample] = []
    rested_s = 0.0
    gc.collect()
    origin = time.perf_counter()
    while not is_enough(samples, policy, time.perf_counter() - origin - rested_s):
        between = _between(pace, is_first=not samples)
        rested_s += between.get("rested_s") or 0.0
        sample = _time_once(work, origin).model_copy(update=between)
        samples.append(sample)
        on_sample(len(samples), sample)
    return samples


def _between(pace: Pace | None, *, is_first: bool) -> dict[str, float | None]:
    """Rest and probe; return the fields of the sample that follows."""
    if pace is None:
        return {}
    rested_s = 0.0 if is_first else pace.rest()
    return {"rested_s": rested_s, "matmul_flop_per_s": pace.probe()}


def _time_once(work: Repeatable, origin: float) -> Sample:
    before = CpuClock.read()
    work.synchronize()
    start = time.perf_counter()
    units = work.run()
    work.synchronize()
    end = time.perf_counter()
    after = CpuClock.read()
    return Sample(
        start_s=start - origin,
        duration_s=end - start,
        units=units,
        cpu_time_s=after.own_s - before.own_s,
        foreign_cpu_s=after.foreign_since(before),
        stolen_cpu_s=after.stolen_s - before.stolen_s,
    )


def is_enough(samples: list[Sample], policy: RepeatPolicy, elapsed_s: float) -> bool:
    """Return whether to stop: by number, by a narrow interval, or by the time budget."""
    if policy.repeats is not None:
        return len(samples) >= policy.repeats
    if len(samples) < policy.min_repeats:
        return False
    if elapsed_s >= policy.length_s:
        return True
    if policy.sustain_s:
        return False
    if len(samples) % (len(samples) // LOOKS or 1):
        return False
    times = [sample.duration_s for sample in samples]
    return interval_of_repeats(times).within(policy.ci_rel_width, median(times))
