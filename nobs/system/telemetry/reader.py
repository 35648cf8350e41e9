"""The protocol of telemetry: a device is a name and the functions that read its state."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from nobs.schema.enums import Backend
from nobs.schema.telemetry import DeviceKind

CHANNELS = (
    "power_w", "energy_j", "utilisation", "memory_bytes", "clock_hz", "memory_clock_hz",
    "temperature_c", "throttle",
)  # fmt: skip
"""What is sampled; `energy_j` is a counter, `throttle` a mask of reasons."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The device that a step runs on; every device of the backend if it has no address."""

    backend: Backend
    name: str | None = None
    """As the driver gives it."""
    uuid: str | None = None
    """As in `GPU-8f3c...` or, of a MIG instance, `MIG-8f3c...`."""
    pci: str | None = None
    """As in `0000:c1:00.0`."""


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One value that can be read many times per second."""

    read: Callable[[], float]
    how: str
    """Where the value comes from, for people."""
    estimated: bool = False


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One device; its functions raise one of `errors` when it doesn't answer."""

    vendor: str
    name: str
    kind: DeviceKind
    channels: Mapping[str, Channel] = field(default_factory=dict)
    totals: Mapping[str, Channel] = field(default_factory=dict)
    """Counters that are read at the start and at the end only."""
    throttle_reasons: Mapping[int, str] = field(default_factory=dict)
    """Bits of the channel `throttle`."""
    processes: Callable[[], Collection[int]] | None = None
    """Ids of the processes that use the device."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """Why a channel is missing."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Driver, firmware and limits, for the environment record."""
    limits: Callable[[], Mapping[str, Any]] = dict
    """Limits in force now, by the names of the facts; read between repeats, so it must be fast."""
    errors: tuple[type[Exception], ...] = ()
    close: Callable[[], None] = lambda: None

    def why_absent(self, channel: str) -> str:
        """Return why a channel is missing."""
        return self.absent.get(channel, f"the reader {self.vendor} has none")


def silent(vendor: str, name: str, kind: DeviceKind, reason: str) -> Reader:
    """Return the reader of a device without readings, with the reason."""
    return Reader(vendor=vendor, name=name, kind=kind, absent=dict.fromkeys(CHANNELS, reason))


def try_channels(
    candidates: Mapping[str, Channel], errors: tuple[type[Exception], ...]
) -> tuple[dict[str, Channel], dict[str, str]]:
    """Read each channel once; return those that answer, and why the others don't."""
    live: dict[str, Channel] = {}
    absent: dict[str, str] = {}
    for name, channel in candidates.items():
        try:
            value = channel.read()
        except errors as error:
            absent[name] = f"{channel.how}: {str(error) or type(error).__name__}"
            continue
        if isfinite(value):
            live[name] = channel
        else:
            absent[name] = f"{channel.how}: not a number"
    return live, absent


def read_facts(
    candidates: Mapping[str, Callable[[], Any]], errors: tuple[type[Exception], ...]
) -> dict[str, Any]:
    """Return the facts that the device reports; None means that it doesn't."""
    facts: dict[str, Any] = {}
    for name, read in candidates.items():
        try:
            value = read()
        except errors:
            continue
        if value is not None:
            facts[name] = value.decode(errors="replace") if isinstance(value, bytes) else value
    return facts
