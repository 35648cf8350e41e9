"""Limits that are set but not effective: what was measured is above them."""

from collections.abc import Iterator, Sequence

from nobs.schema.flags import Flag, FlagName
from nobs.schema.result import Sample
from nobs.schema.telemetry import DeviceTelemetry, Evidence, Telemetry

MAX_OVER_CAP = 0.05
MIN_CAP_SPAN_S = 10.0
"""Drivers regulate power over seconds."""
MIN_CPU_S = 1.0
"""A quota holds for each tenth of a second; CPU time is counted in ticks."""


def find_ineffective_caps(telemetry: Telemetry, samples: Sequence[Sample]) -> Iterator[Flag]:
    """Yield a flag for each limit that was exceeded; one that changed meanwhile isn't judged."""
    changed = {change.limit for change in telemetry.limit_changes}
    for device in telemetry.devices:
        if "power_limit_w" not in changed and telemetry.span_s >= MIN_CAP_SPAN_S:
            yield from _power(device)
        if not {"set_clock_hz", "cpu_max_hz"} & changed:
            yield from _clock(device)
    quota, timed_s = telemetry.cpu_limit_cores, sum(sample.duration_s for sample in samples)
    if quota and timed_s >= MIN_CPU_S and "cpu_limit_cores" not in changed:
        used = sum(sample.cpu_time_s for sample in samples) / timed_s
        if _is_above(used, quota):
            yield _flag(f"The run used {used:.2g} CPU cores, but its cgroup allows {quota:g}.")


def _power(device: DeviceTelemetry) -> Iterator[Flag]:
    limit, mean = device.power_limit_w.value, device.mean_power_w.value
    if limit and mean and _is_above(mean, limit):
        yield _flag(f"{device.name} drew {mean:.0f} W on average, but its limit is {limit:.0f} W.")


def _clock(device: DeviceTelemetry) -> Iterator[Flag]:
    limit, clock = device.clock_limit_hz, device.clock_median_hz.value
    is_reported = limit.evidence is Evidence.MEASURED
    if limit.value and is_reported and clock and _is_above(clock, limit.value):
        yield _flag(
            f"{device.name} ran at {clock / 1e6:.0f} MHz, but it is limited to"
            f" {limit.value / 1e6:.0f} MHz."
        )


def _is_above(value: float, limit: float) -> bool:
    return value > (1 + MAX_OVER_CAP) * limit


def _flag(message: str) -> Flag:
    return Flag.warning(FlagName.CAP_EXCEEDED, message)
