"""What the machine's sensors told of a step's timed region; every value says where it is from."""

from enum import StrEnum

from pydantic import Field, model_validator

from nobs.schema.base import Record


class Evidence(StrEnum):
    """How far a value can be trusted."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    ABSENT = "absent"


class DeviceKind(StrEnum):
    """What a reader reads."""

    GPU = "gpu"
    CPU = "cpu"
    SYSTEM = "system"


class Figure(Record):
    """One value with its evidence; absent values are None and say why."""

    value: float | None = None
    evidence: Evidence
    how: str
    """The source of the value, or the reason for its absence."""

    @model_validator(mode="after")
    def _is_absent_without_value(self) -> "Figure":
        if (self.value is None) != (self.evidence is Evidence.ABSENT):
            raise ValueError("a value is absent exactly if there is none")
        return self

    @classmethod
    def absent(cls, why: str) -> "Figure":
        """Return a figure without a value."""
        return cls(evidence=Evidence.ABSENT, how=why)


def _not_told() -> Figure:
    return Figure.absent("not told")


class Throttling(Record):
    """What held the device's clocks down."""

    evidence: Evidence
    how: str
    shares: dict[str, float] = Field(default_factory=dict)
    """Share of the samples in which a reason was given, by the reason's name."""
    seconds: dict[str, float] = Field(default_factory=dict)
    """Seconds in which the device's own counters say so, from their values at both ends."""


class DeviceTelemetry(Record):
    """One GPU or processor over the timed region."""

    name: str
    kind: DeviceKind
    reader: str
    idle_power_w: Figure
    """Median power during the baseline, before the model is loaded."""
    mean_power_w: Figure
    peak_power_w: Figure
    energy_j: Figure
    """By the device's energy counter, else sampled power integrated over time."""
    integrated_energy_j: Figure
    """Sampled power integrated over time, also where a counter is."""
    net_energy_j: Figure
    """`energy_j` without what an idle device would have used meanwhile."""
    utilisation: Figure
    """Mean share of time or of threads that were busy, 0 to 1."""
    memory_peak_bytes: Figure
    clock_min_hz: Figure
    clock_median_hz: Figure
    memory_clock_median_hz: Figure
    temperature_max_c: Figure
    power_limit_w: Figure = Field(default_factory=_not_told)
    default_power_limit_w: Figure = Field(default_factory=_not_told)
    foreign_processes: Figure
    """Processes on the device that don't belong to the run."""
    throttling: Throttling


class SystemTelemetry(Record):
    """The machine around the devices over the timed region."""

    memory_peak_bytes: Figure
    """RAM that was not available to anybody else."""
    swapped_bytes: Figure
    """What was swapped in and out."""
    battery_start: Figure
    """Charge of the battery, 0 to 1."""
    battery_end: Figure


class Telemetry(Record):
    """Sensors over the timed region: from the start of the first repeat to the end of the last."""

    interval_s: float = Field(gt=0)
    samples: int = Field(ge=0)
    """Samples within the region."""
    span_s: float = Field(gt=0)
    timed_s: float = Field(gt=0)
    """Sum of the repeats; what `span_s` has more lies between them."""
    baseline_s: float = Field(ge=0)
    """How long the idle machine was watched; 0 where nothing tells power."""
    devices: tuple[DeviceTelemetry, ...] = ()
    system: SystemTelemetry | None = None
