"""Sensor readings of a step's timed region; every value names its source."""

from enum import StrEnum

from pydantic import Field, model_validator

from nobs.schema.base import Record


class Evidence(StrEnum):
    """Reliability of a value."""

    MEASURED = "measured"
    """By a sensor or counter."""
    ESTIMATED = "estimated"
    """By a model of the vendor, or from a region too short for the sensor."""
    ABSENT = "absent"
    """There is no value."""


class DeviceKind(StrEnum):
    """Kind of device."""

    GPU = "gpu"
    CPU = "cpu"
    SYSTEM = "system"


class Figure(Record):
    """One value with its evidence."""

    value: float | None = None
    """In the unit of the field's name; null if absent."""
    evidence: Evidence
    how: str
    """The source of the value, or the reason for its absence."""

    @model_validator(mode="after")
    def _is_absent_without_value(self) -> "Figure":
        if (self.value is None) != (self.evidence is Evidence.ABSENT):
            raise ValueError("evidence must be `absent` if and only if there is no value")
        return self

    @classmethod
    def absent(cls, why: str) -> "Figure":
        """Return a figure without a value."""
        return cls(evidence=Evidence.ABSENT, how=why)


def _not_reported() -> Figure:
    return Figure.absent("not reported")


class Throttling(Record):
    """Reasons for reduced clocks."""

    evidence: Evidence
    how: str
    """The source, or the reason for its absence."""
    shares: dict[str, float] = Field(default_factory=dict)
    """Share of the samples in which the driver gave this reason: `idle`, `application-clocks`,
    `software-power-cap`, `hardware-slowdown`, `sync-boost`, `software-thermal`,
    `hardware-thermal`, `power-brake`, `display-clocks` (NVIDIA), `power-or-heat` (AMD)."""
    seconds: dict[str, float] = Field(default_factory=dict)
    """Growth of the device's counters: `power`, `thermal`, `sync-boost`, `board-limit`,
    `reliability`, `memory-thermal`, `regulator-thermal`, `processor-hot`, where available.
    """


class DeviceTelemetry(Record):
    """One GPU or processor during the repeats."""

    name: str
    kind: DeviceKind
    reader: str
    """`nvidia`, `amd`, `apple`, `cpu`, or a third party's."""
    idle_power_w: Figure
    """Median power of the idle machine, before the model was loaded."""
    mean_power_w: Figure
    """`energy_j` over `span_s`."""
    peak_power_w: Figure
    """Largest sampled power; without a power sensor, the steepest growth of the counter."""
    energy_j: Figure
    """Growth of the energy counter; without one, sampled power integrated over time."""
    integrated_energy_j: Figure
    """Sampled power integrated over time (trapezoids), also where there is a counter."""
    net_energy_j: Figure
    """`energy_j` less `idle_power_w` times `span_s`."""
    utilisation: Figure
    """Mean share, 0 to 1: of time with a kernel running (GPU), of busy hardware threads
    (processor)."""
    memory_peak_bytes: Figure
    """Most memory in use on the device, by all processes."""
    clock_min_hz: Figure
    """Lowest core clock."""
    clock_median_hz: Figure
    """Median core clock."""
    memory_clock_median_hz: Figure
    temperature_max_c: Figure
    """Degrees Celsius."""
    power_limit_w: Figure = Field(default_factory=_not_reported)
    """Current limit."""
    default_power_limit_w: Figure = Field(default_factory=_not_reported)
    """Factory default limit."""
    foreign_processes: Figure
    """Processes on the device at the end of measuring that are not of this run; absent where a
    server does the work."""
    throttling: Throttling
    """Reasons for reduced clocks."""


class SystemTelemetry(Record):
    """The rest of the machine during the repeats."""

    memory_peak_bytes: Figure
    """Most RAM in use: installed less available."""
    swapped_bytes: Figure
    """Swapped in and out during the repeats."""
    battery_start: Figure
    """Charge before the first repeat, 0 to 1."""
    battery_end: Figure
    """Charge after the last repeat, 0 to 1."""


class Telemetry(Record):
    """Sensor readings from the start of the first repeat to the end of the last."""

    interval_s: float = Field(gt=0)
    """Between two samples."""
    samples: int = Field(ge=0)
    """How many lie within the region."""
    span_s: float = Field(gt=0)
    """From the start of the first repeat to the end of the last."""
    timed_s: float = Field(gt=0)
    """Sum of the repeats; the rest of `span_s` lies between them."""
    baseline_s: float = Field(ge=0)
    """Length of the idle baseline; 0 where no sensor reads power."""
    idle_foreign_cores: float | None = Field(None, ge=0)
    """CPU cores that other processes kept busy before the repeats, while the server was idle.

    Null unless a server does the work whose processes can't be seen, as from a container.
    """
    devices: tuple[DeviceTelemetry, ...] = ()
    """GPUs of the backend, and the processor."""
    system: SystemTelemetry | None = None
    """RAM, swap and battery."""
