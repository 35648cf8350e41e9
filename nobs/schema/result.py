"""`steps/<step>/result.json`: what one step measured, raw; and how it ended."""

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from nobs.errors import FailureClass
from nobs.schema.base import Dtype, Record, Status
from nobs.schema.telemetry import Telemetry


class Failure(Record):
    """Why a step failed, for people and for the exit code."""

    failure_class: FailureClass
    type: str
    message: str
    remedy: str = ""
    traceback: str = ""


class Sample(Record):
    """One timed repeat."""

    start_s: float
    """Seconds on the monotonic clock since the first repeat began."""
    duration_s: float = Field(gt=0)
    units: int = Field(gt=0)
    """Rows encoded, or whatever the task counts."""
    cpu_time_s: float = Field(ge=0)
    """CPU time of this process during the repeat, all threads."""
    foreign_cpu_s: float | None = None
    """CPU time of everything else on the machine during the repeat; None where unknown.

    The system counts in ticks: in a short repeat it can be below 0, and only sums mean something.
    """
    server_cpu_s: float | None = None
    """CPU time of the LLM server's processes, which isn't foreign; None where they aren't seen."""
    stolen_cpu_s: float | None = None
    """CPU time that the hypervisor gave to others though this machine wanted it; all cores."""


class Phases(Record):
    """Seconds of a step outside and inside the timed region."""

    import_s: float = Field(0.0, ge=0)
    """Importing torch and the task's libraries; paid once a run where children are forked."""
    import_shared: bool = False
    """Whether an earlier import of this run was reused by this step."""
    device_check_s: float = Field(0.0, ge=0)
    data_s: float = Field(0.0, ge=0)
    baseline_s: float = Field(0.0, ge=0)
    """Opening the sensors, and watching the idle machine where one of them tells power."""
    load_s: float = Field(0.0, ge=0)
    warmup_s: float = Field(0.0, ge=0)
    measure_s: float = Field(0.0, ge=0)
    calibrate_s: float = Field(0.0, ge=0)
    """Measuring the device's own limits, before and after the repeats."""
    extend_s: float = Field(0.0, ge=0)
    """What the workload asks for beside the repeats, such as levels of load."""
    study_s: float = Field(0.0, ge=0)
    """The instrumented pass after the repeats."""
    own_s: float = Field(0.0, ge=0)
    """What is left of the step's time: our own work."""


class DeviceCheck(Record):
    """A real tensor operation on the device, compared with the CPU's answer."""

    device: str
    """Torch's name, as in `cuda:0`."""
    device_name: str
    """As the device's driver gives it; of a CPU, the architecture."""
    passed: bool
    max_error: float = Field(ge=0)
    duration_s: float = Field(ge=0)
    uuid: str | None = None
    """UUID of an NVIDIA GPU or MIG instance, as in `GPU-8f3c...`."""
    pci: str | None = None
    """Address on the PCI bus, as in `0000:c1:00.0`; a MIG instance has that of its GPU."""
    memory_bytes: int | None = Field(None, ge=0)
    """The device's memory, as torch sees it."""
    is_unified: bool | None = None
    """Whether it shares the system's memory."""
    multiprocessors: int | None = Field(None, ge=0)
    """Streaming multiprocessors or compute units; a slice of a GPU has fewer than the GPU."""


class Calibration(Record):
    """What the device did at its best at one moment, in the number format of the work."""

    dtype: Dtype
    tf32: bool
    """Whether products of float32 were rounded to TF32."""
    matmul_size: int = Field(gt=0)
    """Rows and columns of the square matrices."""
    matmul_flop_per_s: float = Field(gt=0)
    copy_bytes: int = Field(gt=0)
    """Size of the block that was copied within the device's memory."""
    copy_bytes_per_s: float = Field(gt=0)
    """Bytes read and written."""
    duration_s: float = Field(gt=0)


class Memory(Record):
    """Peaks in bytes; None where the platform does not tell."""

    peak_rss_bytes: int | None = None
    device_peak_allocated_bytes: int | None = None
    device_peak_reserved_bytes: int | None = None
    device_allocated_after_clear_bytes: int | None = None
    """What the device's allocator still held after `clear_memory()`."""


class DataEvidence(Record):
    """Which texts were measured, as seen by us."""

    rows: int = Field(gt=0)
    rows_sha256: str
    rows_verified: bool
    """Whether the digest equals a pinned one; False means that nothing was pinned."""
    file_sha256: str | None = None
    file_verified: bool = False
    characters: int = Field(ge=0)


class WeightsEvidence(Record):
    """Which weights were loaded, as seen by us."""

    files: dict[str, str]
    """sha256 of each safetensors file, by its path below the model's directory."""
    verified: bool
    """Whether a pinned digest was met; False means that nothing was pinned."""
    revision: str | None = None
    """Commit of the hub's repository; None for packages and paths."""


class StepResult(Record):
    """Raw values of one step; statistics are computed when reading."""

    schema_id: Literal["nobs.result/1"] = Field("nobs.result/1", alias="schema")
    step: str
    task: str
    model: str
    status: Status
    started: AwareDatetime
    finished: AwareDatetime
    failure: Failure | None = None
    samples: tuple[Sample, ...] = ()
    phases: Phases = Phases()
    checks: tuple[DeviceCheck, ...] = ()
    calibrations: tuple[Calibration, ...] = ()
    """Right before and right after the repeats; none where the work is not on this device."""
    memory: Memory = Memory()
    data: DataEvidence | None = None
    weights: WeightsEvidence | None = None
    facts: dict[str, Any] = Field(default_factory=dict)
    """What the task read back: dtype, max_seq_length, embedding dimension, token counts."""
    environment: dict[str, Any] = Field(default_factory=dict)
    """Libraries, driver and settings as the step saw them."""
    telemetry: Telemetry | None = None
    warnings: tuple[str, ...] = ()
