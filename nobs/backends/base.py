"""The interface of a backend, independent of torch and of the container engine."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nobs.errors import BackendMissing
from nobs.schema.enums import Backend
from nobs.system.gpus import Accelerators


@dataclass(frozen=True, kw_only=True)
class GpuRequest:
    """GPUs that a container engine passes to a container by its own driver."""

    driver: str
    """The engine's device driver, as in `nvidia`."""
    cdi_kind: str
    """The same devices as CDI names them, as in `nvidia.com/gpu`."""
    capabilities: tuple[str, ...] = ("gpu",)
    devices: tuple[str, ...] = ("all",)
    """Indices or UUIDs; `all` for every one."""


@dataclass(frozen=True, kw_only=True)
class DeviceNode:
    """A device file of the host and its path in the container."""

    source: str
    target: str


@dataclass(frozen=True, kw_only=True)
class ContainerNeeds:
    """What a container needs so that a backend works inside."""

    gpu: GpuRequest | None = None
    device_nodes: tuple[DeviceNode, ...] = ()
    groups: tuple[int, ...] = ()
    """Ids of the groups that own the device nodes; the image may not know their names."""
    environment: Mapping[str, str] = field(default_factory=dict)


def refuse_unusable(accelerators: Accelerators, backend: Backend) -> None:
    """Raise BackendMissing if it is known why no GPU of `backend` can be used."""
    if accelerators.visible(backend):
        return
    if hiding := accelerators.hiding(backend):
        raise BackendMissing(
            f"The backend {backend} has no GPU: {hiding} hides all of them.",
            "Unset the variable or name a GPU in it, or choose --backend cpu.",
        )
    for obstacle in accelerators.obstacles:
        if obstacle.backend is backend:
            raise BackendMissing(
                f"The backend {backend} can't be used: {obstacle.reason}",
                f"{obstacle.remedy}; or choose --backend cpu.",
            )


@dataclass(frozen=True, kw_only=True)
class BackendTarget:
    """One hardware target; the defaults fit any device of torch."""

    name: str
    """As on the command line and in reports."""
    torch_device: str
    """What torch calls the device; ROCm's builds call theirs `cuda` too."""
    container_refusal: str | None = "NOBS has no image for it"
    """Why this backend can't run in a container; None where it can."""
    passed_environment: tuple[str, ...] = ()
    """Variables of the caller that choose or tune devices; passed to containers."""

    def check_host(self, accelerators: Accelerators) -> None:
        """Raise BackendMissing unless hardware and driver are present."""

    def check_image(self, accelerators: Accelerators, archs: str) -> None:
        """Raise BackendMissing unless torch, built for `archs`, supports the GPU of a run."""

    def torch_index(self, accelerators: Accelerators) -> str:
        """Return the index whose torch fits the driver: `default` or one of PyTorch's own."""
        return "default"

    def container_needs(self, accelerators: Accelerators) -> ContainerNeeds:
        """Return what a container needs on this machine."""
        return ContainerNeeds()

    def is_built_into(self, torch: Any) -> bool:  # noqa: ANN401 - a module
        """Whether this build of torch has code for the backend."""
        return True

    def is_available(self, torch: Any) -> bool:  # noqa: ANN401 - a module
        """Whether torch finds a device of the backend here."""
        return True

    def describe_device(self, torch: Any) -> dict[str, Any]:  # noqa: ANN401 - a module
        """Return the fields of a `DeviceCheck` that describe the device of torch."""
        return {"device_name": platform.processor() or platform.machine()}


def used_gpu(torch: Any) -> Any:  # noqa: ANN401 - a module, and its own class
    """Return the properties of the GPU that torch computes on."""
    return torch.cuda.get_device_properties(torch.cuda.current_device())


def describe_gpu(used: Any) -> dict[str, Any]:  # noqa: ANN401 - torch's own class
    """Return the GPU in use as torch's CUDA interface, which ROCm's builds share, describes it."""
    # Older builds of torch don't have all of this.
    unified, units = (
        getattr(used, name, None) for name in ("is_integrated", "multi_processor_count")
    )
    return {
        "device_name": str(used.name),
        "pci": _pci_address(used),
        "memory_bytes": int(used.total_memory),
        "is_unified": None if unified is None else bool(unified),
        "multiprocessors": units,
    }


def _pci_address(properties: Any) -> str | None:  # noqa: ANN401 - torch's own class
    if not hasattr(properties, "pci_bus_id"):
        return None
    domain, bus = properties.pci_domain_id, properties.pci_bus_id
    return f"{domain:04x}:{bus:02x}:{properties.pci_device_id:02x}.0"
