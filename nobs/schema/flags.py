"""Conditions of a run or a model that readers of its numbers should know."""

from enum import StrEnum

from nobs.schema.base import Record


class FlagName(StrEnum):
    """What stands between a number and the hardware; the run went on all the same."""

    THROTTLED = "throttled"
    POWER_CAPPED = "power-capped"
    FOREIGN_PROCESS = "foreign-process"
    FOREIGN_CPU = "foreign-cpu"
    STOLEN_CPU = "stolen-cpu"
    SWAPPING = "swapping"
    PARTIAL_OFFLOAD = "partial-offload"
    REMOTE_SERVER = "remote-server"
    UNKNOWN_SERVER = "unknown-server"
    COALESCED_STREAM = "coalesced-stream"
    UNRECONCILED_TOKENS = "unreconciled-tokens"
    OTHER_DEVICE = "other-device"
    ON_BATTERY = "on-battery"
    GOVERNOR = "governor"
    TURBO_OFF = "turbo-off"
    VIRTUAL_MACHINE = "virtual-machine"
    CONTAINER = "container"


class Severity(StrEnum):
    """Whether a flag tells how the number came about, or that another one would be truer."""

    NOTE = "note"
    WARNING = "warning"


class Flag(Record):
    """One fact that readers of a number should know."""

    name: FlagName
    severity: Severity
    message: str
    """One sentence for people."""
