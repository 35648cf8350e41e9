"""`report.json`: the report of a run."""

from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, SerializeAsAny

from nobs.schema.base import Record
from nobs.schema.device import DeviceInfo, DeviceRef
from nobs.schema.enums import Backend, Division, Execution, Status
from nobs.schema.flags import Flag
from nobs.schema.origin import Origin
from nobs.schema.pins import CatalogRef, ModelPin, Workload
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
from nobs.schema.share import MergedRun, Share
from nobs.schema.spec import EngineRef, ImageRef
from nobs.schema.sustained import Sustained
from nobs.schema.telemetry import Telemetry
from nobs.schema.together import Together
from nobs.settings import NODE_NAME
from nobs.stats import interval_of_repeats


class Interval(Record):
    """A 95 % confidence interval of a median."""

    low: float
    """In the unit of the median."""
    high: float
    """In the unit of the median."""
    confidence: float = Field(gt=0, le=1)
    """Confidence reached: 0.95, less for fewer than 6 repeats."""
    method: str
    """`interpolated order statistics`; `range of the repeats` for fewer than 6; with `, widened for
    dependent repeats` where repeats are autocorrelated."""

    @classmethod
    def of_repeats(cls, values: Sequence[float]) -> Self | None:
        """Return the interval of the median; None for one repeat, and if they don't support one."""
        found = interval_of_repeats(values) if values else None
        return cls(**asdict(found)) if found and found.confidence else None


class FindingKind(StrEnum):
    """Kinds of findings about the repeats."""

    TOO_FEW_REPEATS = "too-few-repeats"
    """The interval doesn't reach 95 %, or the repeats are too uneven for any; `value`: repeats."""
    WIDE_INTERVAL = "wide-interval"
    """The interval is wider than `policy.ci_rel_width`; `value`: its longer half, as that share."""
    SPREAD = "spread"
    """The spread exceeds 5 %; `value`: share of the median."""
    DRIFT = "drift"
    """The Mann-Kendall test is significant at 1 % and the Theil-Sen slope exceeds 1 % from first to
    last; `value`: share of the median, negative where repeats got faster."""
    TWO_MODES = "two-modes"
    """Two groups of repeats are further apart than 1 % and than 6 times their own spread; `value`:
    share of the median."""
    FOREIGN_CPU = "foreign-cpu"
    """Other processes used half a CPU core or more on average; `value`: cores."""
    STOLEN_CPU = "stolen-cpu"
    """A hypervisor gave 2 % or more of the requested CPU time to other machines; `value`: share
    of the requested time."""
    SLOW_FIRST = "slow-first"
    """The first repeat took 2 % and 5 times the spread longer than the others; `value`: share of
    the median of the others."""
    THROTTLED = "throttled"
    """Heat or a power brake slowed a device down; `value`: share of the time."""
    OUTLIERS = "outliers"
    """Some repeats are outliers; `value`: their number."""

    @property
    def rank(self) -> int:
        """Return 0 if it makes the median unstable, 1 if imprecise, 2 if it is only a note."""
        if self in {FindingKind.SLOW_FIRST, FindingKind.OUTLIERS}:
            return 2
        few_or_noisy = {FindingKind.TOO_FEW_REPEATS, FindingKind.WIDE_INTERVAL, FindingKind.SPREAD}
        return 1 if self in few_or_noisy else 0

    @property
    def is_note(self) -> bool:
        """Whether it doesn't affect the median."""
        return self.rank == 2


class Finding(Record):
    """A finding about the repeats."""

    kind: FindingKind
    value: float
    """In the unit of its kind."""
    message: str
    """For people, with the remedy that fits the options of the run."""


class Verdict(Record):
    """Reliability of the median, computed from the raw samples.

    They are the times of the passes, or what the workload measures instead: memory, cold starts.
    """

    stable: bool
    """Whether nothing was found but `slow-first` and `outliers`, which don't affect the median."""
    uncertainty: float | None
    """Longer half of the median's interval as a share of the median; null without an interval."""
    spread: float | None
    """Robust standard deviation (1.4826 times the median absolute deviation) as a share of the
    median; null for one repeat."""
    outliers: tuple[int, ...] = ()
    """Numbers, from 1, of repeats whose modified z-score exceeds 3.5; all are kept."""
    findings: tuple[Finding, ...] = ()
    """Makes the median `unstable` (drift, two modes, foreign load, throttling) or only `imprecise`
    (few or noisy repeats)."""

    @property
    def word(self) -> str:
        """Return `stable`, `imprecise` (few or noisy repeats alone) or `unstable`."""
        if self.stable:
            return "stable"
        return "unstable" if any(f.kind.rank == 0 for f in self.findings) else "imprecise"


class ModelReport(Record):
    """Fields of a model in every task; the task's class adds its figures."""

    model_config = ConfigDict(extra="allow")

    model_name: str
    """Id of the model."""
    revision: str | None = None
    """Commit of the hub's repository; null for packages, paths and servers."""
    device: Backend
    """Backend of the run."""
    status: Status
    failure: Failure | None = None
    """Why it failed; null if it is ok."""
    interrupted_after: int | None = None
    """Number of repeats when the run was interrupted, which makes the result open; null if it was
    measured to its end."""
    weights: WeightsEvidence | None = None
    """Weights that were loaded; null if the step failed before."""
    warnings: tuple[str, ...] = ()
    """Warnings about the figures, one sentence each."""
    phases: Phases | None = Phases()
    """Time of each phase of the step; null in imported reports."""
    memory: Memory = Memory()
    checks: tuple[DeviceCheck, ...] = ()
    """Device checks before and after measuring."""
    calibrations: tuple[Calibration, ...] = ()
    """Peak rates of the device right before and right after the repeats."""
    samples: tuple[Sample, ...] = ()
    """Timed repeats, raw, in order."""
    repeats_started: AwareDatetime | None = Field(None, exclude_if=lambda value: value is None)
    """When the first repeat began."""
    verdict: Verdict | None = None
    """Reliability of the median; null without repeats."""
    telemetry: Telemetry | None = None
    """Sensor readings during the repeats; null if nothing was measured."""
    sustained: Sustained | None = Field(None, exclude_if=lambda value: value is None)
    """How the speed developed; absent unless the measurement was sustained."""
    flags: tuple[Flag, ...] = ()
    """Conditions while this model was measured."""

    @property
    def is_complete(self) -> bool:
        """Whether it is ok and was measured to its end."""
        return self.status is Status.OK and self.interrupted_after is None


_PINS = {"dataset", "models", "params", "policy", "catalog", "open_reasons"}


class WorkloadRef(Record):
    """The work that was done, and whether it was the pinned work."""

    name: str
    """Label: `NAME/VERSION`."""
    division: Division
    open_reasons: tuple[str, ...] = ()
    """Differences from the pins, as in `params.dtype: float16 instead of float32`."""
    fingerprint: str
    """sha256 of pins and parameters without the repeats; equal in comparable results."""
    dataset: dict[str, Any]
    """Fields of `DatasetPin`."""
    models: tuple[ModelPin, ...] = ()
    """Pins of all models of the workload, including those not measured yet."""
    params: dict[str, Any]
    """Parameters of the workload; `kind` names their record, see the sections of the tasks."""
    policy: dict[str, Any]
    """Fields of `RepeatPolicy`."""
    catalog: CatalogRef | None = None
    """Catalogue of the user or a package that defines the workload; null for built-in ones."""
    data: SerializeAsAny[DataEvidence] | None = None
    """Evidence of the data that was read; null if no step got so far."""

    def to_workload(self, task: str) -> Workload:
        """Return the workload of `task` with these pins; ValueError if they are invalid."""
        name, _, version = self.name.rpartition("/")
        pins = self.model_dump(include=_PINS)
        return Workload.model_validate(pins | {"name": name, "version": version, "task": task})


class TaskReport(Record):
    """One task with all its models."""

    task: str
    """Name of the task."""
    dataset_size: int
    """Rows of the data set."""
    models: dict[str, SerializeAsAny[ModelReport]]
    """By the model's id. Each task adds fields, see the sections of the tasks."""
    task_score: float | None
    """3600 times the number of models (or prompts), over the sum of their median times in seconds;
    null unless every model is ok and comparable, see the sections of the tasks."""
    published_score: float | None = None
    """Score in the imported report, by the formula of its time; else null."""
    workload: WorkloadRef
    """Pins and parameters of the work."""


class RunInfo(Record):
    """The run: versions, backend, times, flags."""

    id: str
    """Name of the run's directory."""
    nobs_version: str | None
    """Null in imported reports."""
    nobs_commit: str | None = None
    """Commit of the checkout, with `-dirty` appended if files differed; null if unknown."""
    node: str | None = Field(None, pattern=f"^{NODE_NAME}$")
    """Name of the machine among others of its model, if the user gave one (`--node`)."""
    resumes: str | None = Field(None, exclude_if=lambda value: value is None)
    """Run of another machine, whose work this one measured from the start (`--take-over`); absent
    if it took none over."""
    backend: Backend
    device: DeviceRef | None = Field(None, exclude_if=lambda value: value is None)
    """The device that the user chose of several (`--device`); absent if none was chosen. Results of
    two devices are never averaged."""
    together: tuple[str, ...] = Field((), exclude_if=lambda value: not value)
    """Other devices that were measured at the same time (`--together`); absent if none were."""
    share: Share | None = Field(None, exclude_if=lambda value: value is None)
    """Which share of a load this client drove (`--share`): its figures aren't the server's, and are
    neither ranked nor compared. Absent if it drove all of it."""
    merged: tuple[MergedRun, ...] = Field((), exclude_if=lambda value: not value)
    """Runs of the clients whose shares `nobs collect` merged into this report, which has no repeats
    of its own; absent in reports of runs."""
    execution: Execution | None
    """Null in imported reports."""
    profile: str
    """Profile of the run; `legacy` in imported reports."""
    status: Status
    """`ok` if all steps are."""
    started: AwareDatetime | None
    """When the run was planned; null in imported reports."""
    finished: AwareDatetime | None = None
    """Null while steps are still to come, and in imported reports."""
    image: ImageRef | None = None
    """Null in native runs."""
    engine: EngineRef | None = None
    """Null in native runs."""
    flags: tuple[Flag, ...] = ()
    """State and settings of the machine that affect all models."""


class Report(Record):
    """Everything that one run measured on one host."""

    schema_id: Literal["nobs.report/1"] = Field("nobs.report/1", alias="schema")
    timestamp: AwareDatetime
    """When this report was written; in imported reports, when it was imported."""
    device_info: DeviceInfo
    tasks: tuple[TaskReport, ...]
    """One entry per task."""
    run: RunInfo
    """The run: versions, backend, times, flags."""
    environment: dict[str, Any] = Field(default_factory=dict)
    """Software and machine as seen by the process of the first step that uses torch, else of the
    first step; inside the container if the run used one."""
    together: tuple[Together, ...] = Field((), exclude_if=lambda value: not value)
    """What this and the other devices reached at once, per model (`--together`); else absent."""
    origin: Origin | None = None
    """Source of an imported report, which is `legacy` in every task; null in reports of runs."""
    digest: str = ""
    """sha256 of the canonical JSON (sorted keys, no spaces) of everything else."""

    @property
    def models(self) -> tuple[ModelReport, ...]:
        """Return the models of all tasks."""
        return tuple(model for task in self.tasks for model in task.models.values())
