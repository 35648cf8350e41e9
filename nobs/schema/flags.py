"""Conditions of a run or a model that readers of its numbers should know."""

from enum import StrEnum
from typing import Self

from nobs.schema.base import Record


class FlagName(StrEnum):
    """Conditions that may have influenced a number."""

    THROTTLED = "throttled"
    """Of a model. Heat or a power brake slowed a device down for 1 % of the time, by the driver's
    reasons or the device's counters. Warning; note where the driver doesn't report which limit
    applied."""
    POWER_CAPPED = "power-capped"
    """Of a model. A device ran at its power limit for 5 % of the time, or its limit is below the
    default. Note; warning if the limit was lowered."""
    FOREIGN_PROCESS = "foreign-process"
    """Of a model, warning. Other processes used the GPU."""
    FOREIGN_CPU = "foreign-cpu"
    """Of a model, warning. Other processes kept half a CPU core or more busy."""
    STOLEN_CPU = "stolen-cpu"
    """Of a model, warning. A hypervisor gave 2 % or more of the requested CPU time to other
    machines."""
    SWAPPING = "swapping"
    """Of a model, warning. The machine swapped 1 MiB or more."""
    PARTIAL_OFFLOAD = "partial-offload"
    """Of a model, warning. The server reports that only a part of the layers is on the GPU."""
    REMOTE_SERVER = "remote-server"
    """Of a model, warning. The model computes on another machine: the server is one, or passes
    requests on to one."""
    UNKNOWN_SERVER = "unknown-server"
    """Of a model, warning. The model may compute on another machine, see `locality_reason` of the
    server."""
    COALESCED_STREAM = "coalesced-stream"
    """Of a model, warning. More than a tenth of the answers arrived in bursts of several chunks: no
    inter-token latency."""
    UNRECONCILED_TOKENS = "unreconciled-tokens"
    """Of a model, warning. The token counts of more than a tenth of the answers contradict their
    streams: no tokens per second."""
    OUTPUT_SUSPECT = "output-suspect"
    """Of a model, warning. Too few questions were answered right, or most timed answers are empty,
    unprintable or loops: the result is open."""
    OTHER_DEVICE = "other-device"
    """Of the run, note. The run used another GPU than planned."""
    RANDOM_WEIGHTS = "random-weights"
    """Of a model, warning. The weights were random (`--weights random`): its output means nothing,
    and its speed is that of the architecture."""
    ON_BATTERY = "on-battery"
    """Of the run, warning. The machine ran on battery."""
    GOVERNOR = "governor"
    """Of the run, note. The CPU's frequency governor isn't `performance`."""
    TURBO_OFF = "turbo-off"
    """Of the run, note. CPU turbo was off."""
    VIRTUAL_MACHINE = "virtual-machine"
    """Of the run, note. The machine is virtual."""
    CONTAINER = "container"
    """Of the run, note. The run was in a container."""


class Severity(StrEnum):
    """Weight of a flag."""

    NOTE = "note"
    """Explains how the number was measured."""
    WARNING = "warning"
    """The number would probably be different without it."""


class Flag(Record):
    """A condition that readers of a number should know.

    It never stops a run, and never opens or closes a result.
    """

    name: FlagName
    severity: Severity
    message: str
    """One sentence for people."""

    @classmethod
    def note(cls, name: FlagName, message: str) -> Self:
        """Return a flag that explains a number."""
        return cls(name=name, severity=Severity.NOTE, message=message)

    @classmethod
    def warning(cls, name: FlagName, message: str) -> Self:
        """Return a flag that makes a number less reliable."""
        return cls(name=name, severity=Severity.WARNING, message=message)
