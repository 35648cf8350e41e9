"""The machine itself: RAM, swap and battery by psutil."""

import sys
import warnings

import psutil

from nobs.schema.telemetry import DeviceKind
from nobs.system.host import read_limits
from nobs.system.telemetry.reader import Channel, Reader, Target, try_channels

VENDOR = "system"
_ERRORS = (OSError, ValueError, RuntimeError, AttributeError)


def find(target: Target) -> list[Reader]:
    """Return the reader of the machine."""
    del target
    live, absent = try_channels(
        {"memory_bytes": Channel(read=_used_bytes, how="psutil: total less available")}, _ERRORS
    )
    totals, missing = try_channels(
        {
            "swapped_bytes": Channel(read=_swapped_bytes, how="psutil: swapped in and out"),
            "battery": Channel(read=_battery_share, how="psutil: charge of the battery"),
        },
        _ERRORS,
    )
    return [
        Reader(
            vendor=VENDOR,
            name="system",
            kind=DeviceKind.SYSTEM,
            channels=live,
            totals=totals,
            absent=absent | missing,
            limits=read_limits,
            errors=_ERRORS,
        )
    ]


def _used_bytes() -> float:
    memory = psutil.virtual_memory()
    return float(memory.total - memory.available)


def _swapped_bytes() -> float:
    if sys.platform == "win32":
        raise OSError("Windows doesn't report it")
    with warnings.catch_warnings():
        # psutil warns and answers 0 where the kernel keeps no counts.
        warnings.simplefilter("error", RuntimeWarning)
        try:
            swap = psutil.swap_memory()
        except RuntimeWarning as warning:
            raise OSError(str(warning)) from warning
    return float(swap.sin + swap.sout)


def _battery_share() -> float:
    battery = psutil.sensors_battery()
    if battery is None:
        raise OSError("there is none")
    return float(battery.percent) / 100
