"""Apple chips: energy by IOReport, or what powermetrics tells root."""

import os
import platform
from typing import Any

from nobs.schema.base import Backend
from nobs.schema.telemetry import DeviceKind
from nobs.system.telemetry.powermetrics import ERRORS, PowerMetrics
from nobs.system.telemetry.reader import Channel, Reader, Target, silent, try_channels

VENDOR = "apple"
_IOREPORT = "IOReport, whose values Apple models from load and voltage"


def find(target: Target, monitor: Any = None) -> list[Reader]:  # noqa: ANN401  no types
    """Return GPU and processor of the chip; `monitor` is zeus-apple-silicon's."""
    if target.backend not in (Backend.MPS, Backend.CPU) or not (monitor or _is_apple_chip()):
        return []
    monitor = monitor or _open_monitor()
    if monitor is not None:
        return [_ioreport(monitor, kind) for kind in _names(target)]
    if os.geteuid() == 0 and (metrics := PowerMetrics.start()):
        return [_powermetrics(metrics, kind) for kind in _names(target)]
    reason = "zeus-apple-silicon is not installed, and powermetrics answers only root"
    return [silent(VENDOR, _names(target)[kind], kind, reason) for kind in _names(target)]


def _is_apple_chip() -> bool:
    return platform.system() == "Darwin" and platform.machine() == "arm64"


def _open_monitor() -> Any:  # noqa: ANN401
    try:
        from zeus_apple_silicon import AppleEnergyMonitor  # noqa: PLC0415  optional

        return AppleEnergyMonitor()
    except (ImportError, RuntimeError):
        return None


def _names(target: Target) -> dict[DeviceKind, str]:
    cpu = {DeviceKind.CPU: "Apple processor"}
    return {DeviceKind.GPU: "Apple GPU"} | cpu if target.backend is Backend.MPS else cpu


def _ioreport(monitor: Any, kind: DeviceKind) -> Reader:  # noqa: ANN401
    def read_j() -> float:
        energy = monitor.get_cumulative_energy()
        if kind is DeviceKind.CPU:
            return float(energy.cpu_total_mj) / 1e3
        return float(energy.gpu_mj + (energy.gpu_sram_mj or 0)) / 1e3

    errors = (RuntimeError, TypeError)
    live, absent = try_channels(
        {"energy_j": Channel(read=read_j, how=_IOREPORT, estimated=True)}, errors
    )
    return Reader(
        vendor=VENDOR,
        name="Apple GPU" if kind is DeviceKind.GPU else "Apple processor",
        kind=kind,
        channels=live,
        absent=absent,
        errors=errors,
    )


def _powermetrics(metrics: PowerMetrics, kind: DeviceKind) -> Reader:
    live, absent = try_channels(metrics.channels(kind), ERRORS)
    return Reader(
        vendor=VENDOR,
        name="Apple GPU" if kind is DeviceKind.GPU else "Apple processor",
        kind=kind,
        channels=live,
        absent=absent,
        errors=ERRORS,
        close=metrics.close,
    )
