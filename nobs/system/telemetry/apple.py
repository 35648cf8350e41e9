"""Apple chips: energy by IOReport, or by powermetrics as root."""

import os
import platform
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from nobs.schema.enums import Backend
from nobs.schema.telemetry import DeviceKind
from nobs.system.telemetry.powermetrics import ERRORS, PowerMetrics
from nobs.system.telemetry.reader import Channel, Reader, Target, silent, try_channels

VENDOR = "apple"
_NAMES = {DeviceKind.GPU: "Apple GPU", DeviceKind.CPU: "Apple processor"}
_IOREPORT = "IOReport, whose values Apple models from load and voltage"


def find(target: Target, monitor: Any = None) -> list[Reader]:  # noqa: ANN401  no types
    """Return GPU and processor of the chip; `monitor` is zeus-apple-silicon's."""
    is_apple_chip = platform.system() == "Darwin" and platform.machine() == "arm64"
    if target.backend not in (Backend.MPS, Backend.CPU) or not (monitor or is_apple_chip):
        return []
    monitor = monitor or _open_monitor()
    if monitor is not None:
        return [_ioreport(monitor, kind) for kind in _kinds(target)]
    if os.geteuid() == 0 and (metrics := PowerMetrics.start()):
        readers = (_reader(kind, metrics.channels(kind), ERRORS) for kind in _kinds(target))
        return [replace(reader, close=metrics.close) for reader in readers]
    reason = "zeus-apple-silicon is not installed, and powermetrics needs root"
    return [silent(VENDOR, _NAMES[kind], kind, reason) for kind in _kinds(target)]


def _open_monitor() -> Any:  # noqa: ANN401
    try:
        from zeus_apple_silicon import AppleEnergyMonitor  # noqa: PLC0415  optional

        return AppleEnergyMonitor()
    except (ImportError, RuntimeError):
        return None


def _kinds(target: Target) -> Collection[DeviceKind]:
    return _NAMES if target.backend is Backend.MPS else (DeviceKind.CPU,)


def _ioreport(monitor: Any, kind: DeviceKind) -> Reader:  # noqa: ANN401
    def read_j() -> float:
        energy = monitor.get_cumulative_energy()
        if kind is DeviceKind.CPU:
            return float(energy.cpu_total_mj) / 1e3
        return float(energy.gpu_mj + (energy.gpu_sram_mj or 0)) / 1e3

    errors = (RuntimeError, TypeError)
    energy_j = Channel(read=read_j, how=_IOREPORT, estimated=True)
    return _reader(kind, {"energy_j": energy_j}, errors)


def _reader(
    kind: DeviceKind, channels: Mapping[str, Channel], errors: tuple[type[Exception], ...]
) -> Reader:
    live, absent = try_channels(channels, errors)
    return Reader(
        vendor=VENDOR,
        name=_NAMES[kind],
        kind=kind,
        channels=live,
        absent=absent,
        errors=errors,
    )
