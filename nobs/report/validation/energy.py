"""Check energy against power and time in the telemetry of one model."""

import math
from collections.abc import Iterator

from nobs.schema.report import ModelReport
from nobs.schema.telemetry import DeviceTelemetry, Figure
from nobs.text import to_line

ROUNDING = 1e-6


def find_contradictions(model: ModelReport) -> Iterator[str]:
    """Yield times that don't match the samples, and energy that isn't power times time."""
    telemetry = model.telemetry
    if telemetry is None or not model.samples:
        return
    first, last = model.samples[0], model.samples[-1]
    timed_s = sum(sample.duration_s for sample in model.samples)
    span_s = last.start_s + last.duration_s - first.start_s
    if not _close(telemetry.timed_s, timed_s):
        yield f"telemetry.timed_s is {telemetry.timed_s:g}, the samples give {timed_s:g}"
    if not _close(telemetry.span_s, span_s):
        yield f"telemetry.span_s is {telemetry.span_s:g}, the samples give {span_s:g}"
    for device in telemetry.devices:
        where = f"telemetry of {to_line(device.name)}"
        yield from (f"{where}: {fault}" for fault in _check_device(device, telemetry.span_s))


def _check_device(device: DeviceTelemetry, span_s: float) -> Iterator[str]:
    energy, power = device.energy_j.value, device.mean_power_w.value
    if energy is not None and (power is None or not _close(power * span_s, energy)):
        yield "energy_j isn't mean_power_w times span_s"
    idle, net = device.idle_power_w.value, device.net_energy_j.value
    if energy is not None and idle is not None:
        expected = energy - idle * span_s
        if net is None or not math.isclose(net, expected, abs_tol=ROUNDING * abs(energy)):
            yield "net_energy_j isn't energy_j minus idle_power_w times span_s"
    busy = device.utilisation.value
    if busy is not None and not 0 <= busy <= 1:
        yield f"utilisation is {busy:g}, outside 0 to 1"
    if _is_negative(device.energy_j) or _is_negative(device.peak_power_w):
        yield "energy or power is below 0"


def _is_negative(figure: Figure) -> bool:
    return figure.value is not None and figure.value < 0


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=ROUNDING)
