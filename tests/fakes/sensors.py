"""A device whose sensors follow formulas of the time since it was made."""

import time
from collections.abc import Callable

from nobs.schema.telemetry import DeviceKind
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
