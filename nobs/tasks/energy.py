"""Energy of work: joules per thousand units, with the evidence of the energy behind it."""

from collections.abc import Sequence

from nobs.schema.base import Backend
from nobs.schema.telemetry import DeviceKind, DeviceTelemetry, Evidence, Figure, Telemetry

IDLE_LOAD = 0.01


def joules_per_1000(telemetry: Telemetry | None, backend: Backend, units: float | None) -> Figure:
    """Return the joules for 1,000 of `units`, of those devices of the backend that did work."""
    if telemetry is None:
        return Figure.absent("nothing was sampled")
    if not units:
        return Figure.absent("nothing was counted")
    kind = DeviceKind.CPU if backend is Backend.CPU else DeviceKind.GPU
    devices = [device for device in telemetry.devices if device.kind is kind]
    busy = [device.energy_j for device in devices if not _was_idle(device)]
    if devices and not busy:
        return Figure.absent(f"{devices[0].name} was idle: something else did the work")
    total = _sum(busy)
    if total.value is None:
        return total
    return total.model_copy(update={"value": total.value / units * 1000})


def _was_idle(device: DeviceTelemetry) -> bool:
    """Tell whether sensors saw next to no work; a device without that sensor counts as busy."""
    load = device.utilisation.value
    return load is not None and load < IDLE_LOAD


def _sum(energies: Sequence[Figure]) -> Figure:
    told = [energy for energy in energies if energy.value is not None]
    if not told:
        reasons = dict.fromkeys(energy.how for energy in energies)
        return Figure.absent("; ".join(reasons) or "no device was read")
    estimated = any(energy.evidence is Evidence.ESTIMATED for energy in told)
    return Figure(
        value=sum(energy.value or 0.0 for energy in told),
        evidence=Evidence.ESTIMATED if estimated else Evidence.MEASURED,
        how="; ".join(dict.fromkeys(energy.how for energy in told)),
    )
