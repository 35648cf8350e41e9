"""`spec.json`: the complete specification of a run, from the launcher to the supervisor."""

from typing import Literal

from pydantic import AwareDatetime, Field

from nobs.schema.base import Record
from nobs.schema.device import DeviceInfo, DeviceRef
from nobs.schema.enums import Backend, Execution
from nobs.schema.pins import ModelPin, Workload
from nobs.schema.server import Connection, ServerRef, ServerRequest
from nobs.settings import NODE_NAME


class ImageRef(Record):
    """The image a container run uses."""

    tag: str
    """Name with the hash of the content."""
    id: str | None = None
    """`sha256:...` of the image's configuration; local builds have no registry digest."""
    digest: str | None = None
    """Digest in a registry; null for local builds."""
    labels: dict[str, str] = Field(default_factory=dict)
    """NOBS's own labels: version, commit, backend, torch version and its architectures."""


class EngineRef(Record):
    """The container engine that runs the image."""

    name: str
    """Name that the engine reports."""
    version: str
    api_version: str
    context: str
    """Docker context."""
    endpoint: str
    """Address of its API."""


class StepSpec(Record):
    """One (task, model) of a run."""

    id: str
    """Safe for file names, unique in the run."""
    workload: int = Field(ge=0)
    """Index into `RunSpec.workloads`."""
    model: ModelPin
    timeout_s: float = Field(gt=0)
    """Time limit of the step."""


class RunSpec(Record):
    """Everything that the worker needs; `auto` is resolved and revisions are pinned."""

    schema_id: Literal["nobs.spec/1"] = Field("nobs.spec/1", alias="schema")
    run_id: str
    created: AwareDatetime
    nobs_version: str
    nobs_commit: str | None = None
    node: str | None = Field(None, pattern=f"^{NODE_NAME}$")
    """Name of the machine among others of its model; null if the user gave none."""
    resumes: str | None = Field(None, exclude_if=lambda value: value is None)
    """Run of another machine, whose work this one measures from the start; else absent."""
    backend: Backend
    execution: Execution
    profile: str
    workloads: tuple[Workload, ...]
    steps: tuple[StepSpec, ...]
    timeout_s: float = Field(gt=0)
    """Time limit of the run."""
    device_info: DeviceInfo
    device: DeviceRef | None = Field(None, exclude_if=lambda value: value is None)
    """The device that the user chose of several; absent if the backend's first is used."""
    together: tuple[str, ...] = Field((), exclude_if=lambda value: not value)
    """Other devices that are measured at the same time; absent if none are."""
    image: ImageRef | None = None
    engine: EngineRef | None = None
    server_request: ServerRequest | None = None
    """Requested server, for tasks that measure one; resolved again when a run is resumed."""
    server: ServerRef | None = None
    """The server that was found; null before."""
    connection: Connection | None = None
    """How the worker reaches `server`."""
    offline: bool = False
    """Whether the worker may not use the network."""

    def workload_of(self, step: StepSpec) -> Workload:
        """Return the workload that `step` belongs to."""
        return self.workloads[step.workload]
