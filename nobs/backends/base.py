"""What a backend tells of itself: engine-neutral, nothing of torch and nothing of Docker."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from nobs.errors import BackendMissing
from nobs.schema.base import Backend
from nobs.system.gpus import Accelerators


@dataclass(frozen=True, kw_only=True)
class GpuRequest:
    """GPUs that a container engine has to hand over by its own driver."""

    driver: str
    """The engine's device driver, as in `nvidia`; always named, since engines serve several."""
    cdi_kind: str
    """The same devices in CDI's naming, as in `nvidia.com/gpu`."""
    capabilities: tuple[str, ...] = ("gpu",)
    devices: tuple[str, ...] = ("all",)
    """Indices or UUIDs; `all` for every one."""


@dataclass(frozen=True, kw_only=True)
class DeviceNode:
    """A device file of the host and its place in the container."""

    source: str
    target: str


@dataclass(frozen=True, kw_only=True)
class ContainerNeeds:
    """What a container must get so that a backend works inside."""

    gpu: GpuRequest | None = None
    device_nodes: tuple[DeviceNode, ...] = ()
    groups: tuple[int, ...] = ()
    """Numeric groups that own the device nodes; names may be absent from the image."""
    environment: Mapping[str, str] = field(default_factory=dict)


def refuse_unusable(accelerators: Accelerators, backend: Backend) -> None:
    """Raise BackendMissing where it is known why no GPU of `backend` can be used."""
    if accelerators.visible(backend):
        return
    if hiding := accelerators.hiding(backend):
        raise BackendMissing(
            f"The backend {backend} has no GPU: {hiding} hides every one.",
            "Unset the variable or name a GPU in it, or choose --backend cpu.",
        )
    for obstacle in accelerators.obstacles:
        if obstacle.backend is backend:
            raise BackendMissing(
                f"The backend {backend} can't be used: {obstacle.reason}",
                f"{obstacle.remedy}; or choose --backend cpu.",
            )


class BackendTarget(Protocol):
    """One hardware target."""

    @property
    def name(self) -> str:
        """The name on the command line and in reports."""

    @property
    def torch_device(self) -> str:
        """What torch calls the device; ROCm's builds call it `cuda` too."""

    @property
    def container_refusal(self) -> str | None:
        """Why this backend can't run in a container; None where it can."""

    @property
    def passed_environment(self) -> tuple[str, ...]:
        """Variables of the caller that choose or tune devices and are worth passing on."""

    def check_host(self, accelerators: Accelerators) -> None:
        """Raise BackendMissing with its remedy unless hardware and driver are there."""

    def check_image(self, accelerators: Accelerators, archs: str) -> None:
        """Raise BackendMissing unless torch, built for `archs`, serves the GPU of a run."""

    def torch_index(self, accelerators: Accelerators) -> str:
        """Return the index whose torch fits the driver: `default` or one of PyTorch's own."""

    def container_needs(self, accelerators: Accelerators) -> ContainerNeeds:
        """Return what a container needs on this machine."""
