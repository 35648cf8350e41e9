"""A device whose sensors follow formulas of the time since it was made."""

import time
from collections.abc import Callable
from typing import Any

from nobs.schema.telemetry import (
    DeviceKind,
    DeviceTelemetry,
    Evidence,
    Figure,
    SystemTelemetry,
    Telemetry,
    Throttling,
)
from nobs.system.telemetry.reader import Channel, Reader

Formula = Callable[[float], float]


class SilentError(Exception):
    """What the device raises when it doesn't answer."""


def make_reader(kind: DeviceKind = DeviceKind.GPU, /, **formulas: Formula) -> Reader:
    """Return a reader whose channels are `name=formula of the seconds passed`."""
    start = time.perf_counter()

    def channel(formula: Formula) -> Channel:
        return Channel(read=lambda: formula(time.perf_counter() - start), how="a formula")

    channels = {name: channel(formula) for name, formula in formulas.items()}
    return Reader(
        vendor="fake", name="a device", kind=kind, channels=channels, errors=(SilentError,),
        processes=lambda: {1, 999_999_999},
        facts={"driver": "1.0"},
    )  # fmt: skip


def power_meter(watts: float, **more: Formula) -> Reader:
    """Return a GPU that always draws `watts` and counts its energy."""
    return make_reader(
        DeviceKind.GPU, power_w=lambda _: watts, energy_j=lambda seconds: watts * seconds, **more
    )


ABSENT = Figure.absent("not told")


def throttling(shares: dict[str, float], seconds: dict[str, float] | None = None) -> Throttling:
    return Throttling(
        evidence=Evidence.MEASURED, how="a driver", shares=shares, seconds=seconds or {}
    )


def make_telemetry(*, swapped: Figure = ABSENT, **device: Any) -> Telemetry:
    """Ten seconds of a machine with one GPU, of which `device` says what its sensors saw."""
    figures = {
        name: ABSENT
        for name, field in DeviceTelemetry.model_fields.items()
        if field.annotation is Figure
    }
    gpu: dict[str, Any] = {
        "name": "a GPU", "kind": DeviceKind.GPU, "reader": "fake", "throttling": throttling({}),
        **figures, **device,
    }  # fmt: skip
    system = SystemTelemetry(
        memory_peak_bytes=ABSENT, swapped_bytes=swapped, battery_start=ABSENT, battery_end=ABSENT
    )
    return Telemetry(
        interval_s=0.1, samples=100, span_s=10.0, timed_s=9.9, baseline_s=2.0,
        devices=(DeviceTelemetry(**gpu),), system=system,
    )  # fmt: skip
