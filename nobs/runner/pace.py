"""The time between repeats: rests, and a fixed matrix product that shows the device's speed."""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Protocol

from nobs.registry import resolve
from nobs.schema.pins import RepeatPolicy

PLAIN_REST_S = 10.0
"""Rest where nothing shows whether the device has recovered."""
LOOK_EVERY_S = 1.0
WARMER_C = 2.0
"""Degrees Celsius above the first temperature that count as recovered."""
SLOWER = 0.02
"""Loss of speed, as a share, that counts as recovered."""
PROBE_SHARE = 0.002
"""Most of the time that products may take."""
PRODUCT_PROBE = "nobs.tasks.probe:ProductProbe"
"""Needs torch."""
FIRST_LOOKS = 5


class Probe(Protocol):
    """Measures the device's speed by a matrix product of fixed size."""

    def flop_per_s(self) -> float:
        """Return the rate of the faster of two products."""


def make_pace(
    policy: RepeatPolicy, read: Callable[[], Mapping[str, float]], device: str
) -> "Pace | None":
    """Return the pace of `policy` on torch's `device`; None if repeats just follow each other.

    Products are measured on CPUs and Apple GPUs, whose clocks often can't be read.
    """
    if not (policy.rest_s or policy.sustain_s):
        return None
    return Pace(policy, read, resolve(PRODUCT_PROBE)(device) if device in ("cpu", "mps") else None)


class Pace:
    """What happens between two repeats of a workload that rests or is sustained.

    `read` returns current readings, of which `temperature_c` is used. Rests that wait for recovery
    follow the temperature, else the probe, else last PLAIN_REST_S.
    """

    def __init__(
        self,
        policy: RepeatPolicy,
        read: Callable[[], Mapping[str, float]],
        probe: Probe | None = None,
        *,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._policy = policy
        self._read = read
        self._probe = probe
        self._clock = clock
        self._sleep = sleep
        self._unrecovered = 0
        self._first_c = read().get("temperature_c") if policy.rest_until_recovered else None
        self._first_rate = self._gap_s = 0.0
        self._next_probe_s = clock()
        if probe:
            start_s = clock()
            self._first_rate = median(probe.flop_per_s() for _ in range(FIRST_LOOKS))
            self._gap_s = (clock() - start_s) / FIRST_LOOKS / PROBE_SHARE

    def rest(self) -> float:
        """Rest as the policy says; return the seconds that it took."""
        most_s, start = self._policy.rest_s, self._clock()
        if most_s is None:
            return 0.0
        if not self._policy.rest_until_recovered:
            self._sleep(most_s)
        elif not self._can_see:
            self._sleep(min(most_s, PLAIN_REST_S))
        else:
            while not (recovered := self._is_recovered()) and self._clock() - start < most_s:
                self._sleep(LOOK_EVERY_S)
            self._unrecovered += not recovered
        return self._clock() - start

    def probe(self) -> float | None:
        """Return the rate of the fixed product; None without one, or if another isn't due."""
        if self._probe is None or self._clock() < self._next_probe_s:
            return None
        self._next_probe_s = self._clock() + self._gap_s
        return self._probe.flop_per_s()

    def warnings(self) -> tuple[str, ...]:
        """Return what the rests missed, one sentence each."""
        if not self._policy.rest_until_recovered:
            return ()
        if not self._can_see:
            return (f"No sensor shows recovery here, so each rest took {PLAIN_REST_S:g} s.",)
        if not self._unrecovered:
            return ()
        goal = f"to within {SLOWER:.0%} of its first speed"
        if self._first_c is not None:
            goal = f"to within {WARMER_C:g} degrees of {self._first_c:.0f} \N{DEGREE SIGN}C"
        text = f"{self._unrecovered} rests ended after {self._policy.rest_s:g} s"
        return (f"{text}, before the device was back {goal}.",)

    @property
    def _can_see(self) -> bool:
        return self._first_c is not None or self._probe is not None

    def _is_recovered(self) -> bool:
        if self._first_c is not None:
            return self._read().get("temperature_c", self._first_c) <= self._first_c + WARMER_C
        slowest = (1 - SLOWER) * self._first_rate
        return self._probe is None or self._probe.flop_per_s() >= slowest
