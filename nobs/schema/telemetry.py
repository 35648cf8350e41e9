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
    clock_limit_hz: Figure = Field(default_factory=_not_reported)
    """Core clock that it was limited to, below the usual one; estimated if only the samples show
    it. Absent without a limit."""
    power_limit_w: Figure = Field(default_factory=_not_reported)
    """Current limit."""
    default_power_limit_w: Figure = Field(default_factory=_not_reported)
    """Factory default limit."""
    pcie_generation_min: Figure = Field(default_factory=_not_reported)
    """Lowest generation of the PCIe link while the device was busy."""
    max_pcie_generation: Figure = Field(default_factory=_not_reported)
    """The highest that card and slot support together."""
    pcie_width_min: Figure = Field(default_factory=_not_reported)
    """Fewest lanes of the PCIe link while the device was busy."""
    max_pcie_width: Figure = Field(default_factory=_not_reported)
    """The most that card and slot support together."""
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


PARTS = 4
"""Parts of equal length that a sustained measurement is divided into."""


class PartOfDevice(Record):
    """One device during one part; null where `devices` has no value either."""

    name: str
    clock_median_hz: float | None
    temperature_max_c: float | None
    mean_power_w: float | None
    throttling: dict[str, float] = Field(default_factory=dict)
    """Share of the samples in which the driver gave this reason for reduced clocks."""


class TelemetryPart(Record):
    """The devices during one part of the repeats."""

    start_s: float
    """Since the first repeat began."""
    end_s: float
    devices: tuple[PartOfDevice, ...] = ()
    """As in `Telemetry.devices`."""


class LimitChange(Record):
    """A limit in force that was another after some repeats than before them."""

    device: str
    """Name of the device; `system` for the host."""
    limit: str
    """As in `environment`: `power_limit_w`, `set_clock_hz`, `performance_level`, `compute_mode`,
    `persistence_mode`, `ecc` of a GPU, `cpu_limit_cores`, `affinity_cores`, `cpu_governor`,
    `cpu_turbo`, `cpu_max_hz`, `numa_cpu_nodes`, `numa_memory_nodes` of the host."""
    before: float | bool | str | None
    """In the unit of its name; null without a limit."""
    after: float | bool | str | None
    first_repeat: int = Field(ge=1)
    """It changed in this repeat or later, counted from 1 ..."""
    last_repeat: int = Field(ge=1)
    """... and no later than in this one: limits are read between repeats, at most for 0.1 % of the
    time."""


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
    cpu_limit_cores: float | None = Field(None, gt=0, exclude_if=lambda value: value is None)
    """CPU quota of the cgroup before the first repeat; absent without one."""
    devices: tuple[DeviceTelemetry, ...] = ()
    """GPUs of the backend, and the processor."""
    system: SystemTelemetry | None = None
    """RAM, swap and battery."""
    limit_changes: tuple[LimitChange, ...] = Field((), exclude_if=lambda value: not value)
    """Limits that changed while the repeats ran; absent if none did."""
    parts: tuple[TelemetryPart, ...] = Field((), exclude_if=lambda value: not value)
    """Quarters of a sustained measurement; absent in others."""
