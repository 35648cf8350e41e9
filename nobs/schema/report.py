"""`report.json`: the run's one report; the fields people know keep their names and places."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field, SerializeAsAny

from nobs.schema.base import Backend, Division, Execution, Record, Status
from nobs.schema.device import DeviceInfo
from nobs.schema.flags import Flag
from nobs.schema.pins import ModelPin
from nobs.schema.result import (
    Calibration,
    DataEvidence,
    DeviceCheck,
    Failure,
    Memory,
    Phases,
    Sample,
    WeightsEvidence,
)
from nobs.schema.spec import EngineRef, ImageRef
from nobs.schema.telemetry import Telemetry


class Interval(Record):
    """A 95 % confidence interval of a median and how it was made."""

    low: float
    high: float
    confidence: float = Field(gt=0, le=1)
    """Coverage actually reached; few repeats reach less than 0.95."""
    method: str


class FindingKind(StrEnum):
    """What repeats may look like besides a narrow interval around one median."""

    TOO_FEW_REPEATS = "too-few-repeats"
    WIDE_INTERVAL = "wide-interval"
    SPREAD = "spread"
    DRIFT = "drift"
    TWO_MODES = "two-modes"
    FOREIGN_CPU = "foreign-cpu"
    STOLEN_CPU = "stolen-cpu"
    SLOW_FIRST = "slow-first"
    THROTTLED = "throttled"
    OUTLIERS = "outliers"

    @property
    def rank(self) -> int:
        """Return 0 for what makes a median unstable, 1 for imprecise, 2 for a note."""
        if self in {FindingKind.SLOW_FIRST, FindingKind.OUTLIERS}:
            return 2
        few_or_noisy = {FindingKind.TOO_FEW_REPEATS, FindingKind.WIDE_INTERVAL, FindingKind.SPREAD}
        return 1 if self in few_or_noisy else 0

    @property
    def is_note(self) -> bool:
        """Whether it doesn't move a median."""
        return self.rank == 2


class Finding(Record):
    """One thing found in the repeats."""

    kind: FindingKind
    value: float
    """Repeats, a share of the median, or CPU cores, as the kind has it."""
    message: str
    """For people, fitted to what they asked for."""


class Verdict(Record):
    """Whether the median can be trusted, from the raw samples."""

    stable: bool
    """No finding but `slow-first` and `outliers`, which don't move a median."""
    uncertainty: float | None
    """The longer half of the median's interval as a share of the median; None for one repeat."""
    spread: float | None
    """Robust standard deviation (MAD) as a share of the median; None for one repeat."""
    outliers: tuple[int, ...] = ()
    """Numbers, from 1, of repeats whose modified z-score exceeds 3.5; none is ever dropped."""
    findings: tuple[Finding, ...] = ()

    @property
    def word(self) -> str:
        """Return `stable`, `imprecise` (few or noisy repeats alone) or `unstable`."""
        if self.stable:
            return "stable"
        return "unstable" if any(f.kind.rank == 0 for f in self.findings) else "imprecise"


class ModelReport(Record):
    """What every task says of a model; a task's own class adds its figures."""

    model_config = ConfigDict(extra="allow")

    model_name: str
    revision: str | None = None
    device: Backend
    status: Status
    failure: Failure | None = None
    weights: WeightsEvidence | None = None
    warnings: tuple[str, ...] = ()
    phases: Phases | None = Phases()
    """None in an imported report."""
    memory: Memory = Memory()
    checks: tuple[DeviceCheck, ...] = ()
    calibrations: tuple[Calibration, ...] = ()
    samples: tuple[Sample, ...] = ()
    """The timed repeats, raw, in their order."""
    verdict: Verdict | None = None
    """None without repeats."""
    telemetry: Telemetry | None = None
    flags: tuple[Flag, ...] = ()
    """What was seen while this model was measured."""


class WorkloadRef(Record):
    """Which work was done, and whether it was the pinned one."""

    name: str
    division: Division
    open_reasons: tuple[str, ...] = ()
    fingerprint: str
    """sha256 of the canonical JSON of the workload's pins and parameters."""
    dataset: dict[str, Any]
    models: tuple[ModelPin, ...] = ()
    """Pins of all models of the workload, also of those that weren't measured yet."""
    params: dict[str, Any]
    policy: dict[str, Any]
    data: DataEvidence | None = None


class TaskReport(Record):
    """One task with all its models."""

    task: str
    dataset_size: int
    models: dict[str, SerializeAsAny[ModelReport]]
    task_score: float | None
    """`calculate_score` over the models; None unless every model is ok."""
    published_score: float | None = None
    """The score that an imported report gave itself, by the formula of its time."""
    workload: WorkloadRef


class RunInfo(Record):
    """How the run was made."""

    id: str
    nobs_version: str | None
    """None in an imported report, as are `execution` and `started`."""
    nobs_commit: str | None = None
    backend: Backend
    execution: Execution | None
    profile: str
    status: Status
    started: AwareDatetime | None
    finished: AwareDatetime | None = None
    """None while steps are still to come."""
    image: ImageRef | None = None
    engine: EngineRef | None = None
    flags: tuple[Flag, ...] = ()
    """What the machine is and was set to, for all models alike."""


class OriginKind(StrEnum):
    """Which program wrote an imported report."""

    NOBS = "nobs"
    """The first NOBS."""
    LAPERF = "laperf"
    """Its successor."""


class Origin(Record):
    """Where an imported report comes from."""

    kind: OriginKind
    file: str
    file_sha256: str
    timestamp: str
    """As it stands there, without a zone."""
    imported_by: str
    """Version of NOBS that imported it."""
    kept: dict[str, Any] = Field(default_factory=dict)
    """What it says beyond this schema, unchanged."""


class Report(Record):
    """Everything that one run found on one host."""

    schema_id: Literal["nobs.report/1"] = Field("nobs.report/1", alias="schema")
    timestamp: AwareDatetime
    device_info: DeviceInfo
    tasks: tuple[TaskReport, ...]
    run: RunInfo
    environment: dict[str, Any] = Field(default_factory=dict)
    origin: Origin | None = None
    """None in reports of runs; imported ones have it and are `legacy` in every task."""
    digest: str = ""
    """sha256 of the canonical JSON of everything else."""
