"""`steps/<step>/result.json`: raw measurements of one step and how it ended."""

from typing import Any, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, SerializeAsAny

from nobs.errors import FailureClass, NobsError
from nobs.schema.base import Record
from nobs.schema.enums import Dtype, Status
from nobs.schema.telemetry import Telemetry
from nobs.settings import hide_secrets


class Failure(Record):
    """Why a step failed."""

    failure_class: FailureClass
    """Decides the exit code of the run."""
    type: str
    """Class of the exception."""
    message: str
    """What happened, with which value."""
    remedy: str = ""
    """What to do next; may be empty."""
    traceback: str = ""
    """Its end; empty where there is none."""

    @classmethod
    def of(cls, error: NobsError, traceback: str = "") -> Self:
        """Return the failure for an error of NOBS, without the user's secrets."""
        return cls(
            failure_class=error.failure_class,
            type=type(error).__name__,
            message=hide_secrets(error.message),
            remedy=error.remedy,
            traceback=traceback,
        )


class Sample(Record):
    """One timed repeat."""

    start_s: float
    """Seconds since the first repeat began, on a monotonic clock."""
    duration_s: float = Field(gt=0)
    """The timed region, on a monotonic clock."""
    units: int = Field(gt=0)
    """Number of units of work: rows, tokens or what the task counts."""
    cpu_time_s: float = Field(ge=0)
    """CPU time of the step's process during the repeat, all threads."""
    foreign_cpu_s: float | None = None
    """CPU time of all other processes during the repeat; null where it can't be separated from
    the server's. The system counts in ticks: in a short repeat it can be
    negative, and only sums are meaningful."""
    server_cpu_s: float | None = None
    """CPU time of the model server (the process that listens on its port and its children), which
    isn't foreign; 0 for a server on another machine, null where it isn't visible, as from inside
    a container."""
    stolen_cpu_s: float | None = None
    """CPU time that a hypervisor gave to other machines although this one requested it, all
    cores; 0 where the system counts none."""
    rested_s: float = Field(0.0, ge=0, exclude_if=lambda value: not value)
    """Rest right before the repeat; absent without one."""
    matmul_flop_per_s: float | None = Field(None, gt=0, exclude_if=lambda value: value is None)
    """Rate of a matrix product of fixed size right before the repeat: how fast the device is where
    no sensor shows it. Absent unless the workload rests or is sustained, and between probes."""


class Phases(Record):
    """Seconds of a step outside and inside the timed region."""

    import_s: float = Field(0.0, ge=0)
    """Importing torch and the task's libraries; once per run where children are forked."""
    import_shared: bool = False
    """Whether an earlier import of this run was reused by this step."""
    device_check_s: float = Field(0.0, ge=0)
    """Both device checks."""
    data_s: float = Field(0.0, ge=0)
    """Reading, fetching and hashing data and weights."""
    baseline_s: float = Field(0.0, ge=0)
    """Opening the sensors and, where one reads power, an idle baseline of 2 seconds."""
    load_s: float = Field(0.0, ge=0)
    """Loading the model onto the device."""
    warmup_s: float = Field(0.0, ge=0)
    """Untimed work before measuring."""
    measure_s: float = Field(0.0, ge=0)
    """The measuring loop: repeats and the time between them."""
    calibrate_s: float = Field(0.0, ge=0)
    """Measuring the device's peak rates before and after the repeats, each time after the longest
    batch."""
    extra_s: float = Field(0.0, ge=0)
    """Extra measurements of the workload, such as load levels."""
    profile_s: float = Field(0.0, ge=0)
    """The instrumented pass after the repeats."""
    overhead_s: float = Field(0.0, ge=0)
    """The rest of the step's time: overhead of NOBS."""


class DeviceCheck(Record):
    """A matrix product on the device, compared with the same on the CPU."""

    device: str
    """Name that torch gives it; `cuda:0` is the first GPU that torch sees."""
    device_name: str
    """As the device's driver gives it; of a CPU, the architecture."""
    passed: bool
    """Whether it was the right device and `max_error` at most 0.01."""
    max_error: float = Field(ge=0)
    """Largest difference over the largest value."""
    duration_s: float = Field(ge=0)
    uuid: str | None = None
    """UUID of an NVIDIA GPU or MIG instance, as listed by `nvidia-smi -L`; null elsewhere."""
    pci: str | None = None
    """Address on the PCI bus, as in `0000:c1:00.0`; a MIG instance has that of its GPU."""
    memory_bytes: int | None = Field(None, ge=0)
    """The device's memory as torch sees it, a few per cent less than the driver reports."""
    is_unified: bool | None = None
    """Whether the GPU shares the system's memory."""
    multiprocessors: int | None = Field(None, ge=0)
    """Streaming multiprocessors (AMD: compute units); a slice of a GPU has fewer than the GPU."""


class Calibration(Record):
    """Peak rates of the device at one moment, in the number format of the work."""

    dtype: Dtype
    """That of the weights."""
    tf32: bool
    """Whether float32 products were rounded to TF32, as torch was set."""
    matmul_size: int = Field(gt=0)
    """Rows and columns of the square matrices."""
    matmul_flop_per_s: float = Field(gt=0)
    """Of the fastest product; the peak of MFU."""
    copy_bytes: int = Field(gt=0)
    """Size of the block that was copied within the device's memory."""
    copy_bytes_per_s: float = Field(gt=0)
    """Bytes read and written per second, of the fastest copy; the peak of MBU."""
    duration_s: float = Field(gt=0)


class Memory(Record):
    """Peaks of memory; null where the platform does not report them."""

    peak_rss_bytes: int | None = None
    """Peak resident memory of the step's process, without calibration."""
    device_peak_allocated_bytes: int | None = None
    """Peak of the tensors in the device's allocator (CUDA, ROCm)."""
    device_peak_reserved_bytes: int | None = None
    """Peak of the memory that the allocator held (CUDA, ROCm)."""
    device_allocated_after_clear_bytes: int | None = None
    """Memory that the allocator still held after `clear_memory()` (CUDA, ROCm, MPS)."""


class DataEvidence(Record):
    """Evidence of the data that were measured.

    Loaders may add fields, such as `characters` for texts: the characters of all rows.
    """

    model_config = ConfigDict(extra="allow")

    rows: int = Field(gt=0)
    rows_sha256: str
    """sha256 of the rows that were measured."""
    rows_verified: bool
    """Whether a pinned digest matched; false means that none was pinned."""
    file_sha256: str | None = None
    """sha256 of the file the rows came from; null where there is no single file."""
    file_verified: bool = False
    """Whether a pinned digest matched; false means that none was pinned."""


class RandomEvidence(Record):
    """Which random weights a model had."""

    seed: int
    architecture_sha256: str
    """sha256 of the canonical JSON of the architecture in `workload.models`."""
    tokenizer: str
    """Tokenizer, with what it stands in for if it isn't the model's own."""


class WeightsEvidence(Record):
    """Evidence of the weights that were loaded."""

    files: dict[str, str]
    """sha256 of each safetensors file, by its path below the model's directory; empty for random
    weights."""
    verified: bool
    """Whether a pinned digest matched; false means that none was pinned."""
    revision: str | None = None
    """Commit of the hub's repository; null for packages and paths."""
    random: RandomEvidence | None = None
    """Null for published weights."""


class StepResult(Record):
    """Raw values of one step; statistics are computed when reading."""

    schema_id: Literal["nobs.result/1"] = Field("nobs.result/1", alias="schema")
    step: str
    """Id of the step."""
    task: str
    model: str
    status: Status
    started: AwareDatetime
    finished: AwareDatetime
    failure: Failure | None = None
    interrupted_after: int | None = None
    """Number of repeats when the run was interrupted; null if the step was measured to its end."""
    samples: tuple[Sample, ...] = ()
    repeats_started: AwareDatetime | None = Field(None, exclude_if=lambda value: value is None)
    """When the first repeat began."""
    phases: Phases = Phases()
    checks: tuple[DeviceCheck, ...] = ()
    calibrations: tuple[Calibration, ...] = ()
    """Right before and right after the repeats; empty if the work isn't on this device."""
    memory: Memory = Memory()
    data: SerializeAsAny[DataEvidence] | None = None
    weights: WeightsEvidence | None = None
    facts: dict[str, Any] = Field(default_factory=dict)
    """Values that the task read back from model and output, named as in its model report."""
    environment: dict[str, Any] = Field(default_factory=dict)
    """Libraries, driver and settings as the step's process saw them."""
    telemetry: Telemetry | None = None
    warnings: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether it is ok and was measured to its end."""
        return self.status is Status.OK and self.interrupted_after is None
