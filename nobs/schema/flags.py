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
    CAP_EXCEEDED = "cap-exceeded"
    """Of a model, warning. A limit isn't effective: a device drew 5 % more power or ran 5 % faster
    than allowed, or the run used 5 % more CPU time than the quota of its cgroup."""
    LIMIT_CHANGED = "limit-changed"
    """Of a model, warning. A limit in force, such as the power limit or the CPU quota, changed
    while the repeats ran: they aren't all of the same machine."""
    NARROW_LINK = "narrow-link"
    """Of a model, warning. The PCIe link of a busy GPU had fewer lanes, or a lower generation, than
    card and slot support."""
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
    CLIENT_LIMIT = "client-limit"
    """Of a model, warning. At one or more load levels, the client may have been the limit instead
    of the server."""
    LOAD_SHARE = "load-share"
    """Of a model, warning. The run is one of several clients of a load (`--share`): its figures
    aren't the server's."""
    SHARED_SERVER = "shared-server"
    """Of a model, warning. Other clients used the server while it was measured, by its own
    figures."""
    SERVER_DISAGREES = "server-disagrees"
    """Of a model, warning. The server's own figures count other tokens or requests than its
    answers."""
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
    CPU_QUOTA = "cpu-quota"
    """Of the run, warning. Its cgroup may use fewer CPU cores than the machine has."""
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
