"""Energy of work: joules per 1,000 units, with the evidence."""

from collections.abc import Sequence

from nobs.schema.enums import Backend
from nobs.schema.server import Locality, ServerRef
from nobs.schema.telemetry import DeviceKind, DeviceTelemetry, Evidence, Figure, Telemetry

IDLE_LOAD = 0.01


def joules_per_1000(
    telemetry: Telemetry | None,
    backend: Backend,
    units: float | None,
    server: ServerRef | None = None,
) -> Figure:
    """Return the joules per 1,000 `units` of the backend's devices that were busy.

    They don't say anything about a `server` that isn't on this machine.
    """
    if server is not None and server.locality is not Locality.LOCAL:
        return Figure.absent(f"the server is {server.locality}, not local")
    if telemetry is None:
        return Figure.absent("no telemetry")
    if not units:
        return Figure.absent("no units were counted")
    kind = DeviceKind.CPU if backend is Backend.CPU else DeviceKind.GPU
    devices = [device for device in telemetry.devices if device.kind is kind]
    busy = [device.energy_j for device in devices if not _was_idle(device)]
    if devices and not busy:
        return Figure.absent(f"{devices[0].name} was idle: another device did the work")
    total = _sum(busy)
    if total.value is None:
        return total
    return total.model_copy(update={"value": total.value / units * 1000})


def _was_idle(device: DeviceTelemetry) -> bool:
    """Return whether utilisation was below 1 %; a device without that sensor counts as busy."""
    load = device.utilisation.value
    return load is not None and load < IDLE_LOAD


def _sum(energies: Sequence[Figure]) -> Figure:
    reported = [energy for energy in energies if energy.value is not None]
    if not reported:
        reasons = dict.fromkeys(energy.how for energy in energies)
        return Figure.absent("; ".join(reasons) or "no device was read")
    estimated = any(energy.evidence is Evidence.ESTIMATED for energy in reported)
    return Figure(
        value=sum(energy.value or 0.0 for energy in reported),
        evidence=Evidence.ESTIMATED if estimated else Evidence.MEASURED,
        how="; ".join(dict.fromkeys(energy.how for energy in reported)),
    )
