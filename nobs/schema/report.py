"""`report.json`: the run's one report; the fields people know keep their names and places."""

from typing import Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field, SerializeAsAny

from nobs.schema.base import Backend, Division, Execution, Record, Status
from nobs.schema.device import DeviceInfo
from nobs.schema.result import (
    DataEvidence,
    DeviceCheck,
    Failure,
    Memory,
    Phases,
    WeightsEvidence,
)
from nobs.schema.spec import EngineRef, ImageRef


class Interval(Record):
    """A 95 % confidence interval of a median and how it was made."""

    low: float
    high: float
    confidence: float = Field(gt=0, le=1)
    """Coverage actually reached; few repeats reach less than 0.95."""
    method: str


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
    phases: Phases = Phases()
    memory: Memory = Memory()
    checks: tuple[DeviceCheck, ...] = ()


class WorkloadRef(Record):
    """Which work was done, and whether it was the pinned one."""

    name: str
    division: Division
    open_reasons: tuple[str, ...] = ()
    fingerprint: str
    """sha256 of the canonical JSON of the workload's pins and parameters."""
    dataset: dict[str, Any]
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
    workload: WorkloadRef


class RunInfo(Record):
    """How the run was made."""

    id: str
    nobs_version: str
    nobs_commit: str | None = None
    backend: Backend
    execution: Execution
    profile: str
    status: Status
    started: AwareDatetime
    finished: AwareDatetime | None = None
    """None while steps are still to come."""
    image: ImageRef | None = None
    engine: EngineRef | None = None


class Report(Record):
    """Everything that one run found on one host."""

    schema_id: Literal["nobs.report/1"] = Field("nobs.report/1", alias="schema")
    timestamp: AwareDatetime
    device_info: DeviceInfo
    tasks: tuple[TaskReport, ...]
    run: RunInfo
    environment: dict[str, Any] = Field(default_factory=dict)
    digest: str = ""
    """sha256 of the canonical JSON of everything else."""
