"""NVIDIA GPUs: driver 525 or newer, compute capability 5.0 or newer."""

from dataclasses import dataclass
from typing import Any

from nobs.backends.base import (
    BackendTarget,
    ContainerNeeds,
    GpuRequest,
    describe_gpu,
    refuse_unusable,
    used_gpu,
)
from nobs.catalog.devices import is_mig_instance
from nobs.errors import BackendMissing
from nobs.schema.enums import Backend
from nobs.system import visible
from nobs.system.gpus import Accelerators, NvidiaGpu

_CUDA13_DRIVER = 580
_CUDA12_DRIVER = 525
_CUDA12_INDEX = "cu126"
# CUDA 13 dropped the generations before Turing; the CUDA 12 wheels still support them.
_CUDA13_CAPABILITY = (7, 5)
_CUDA12_CAPABILITY = (5, 0)


@dataclass(frozen=True, kw_only=True)
class Cuda(BackendTarget):
    """NVIDIA GPUs as a target."""

    name: str = "cuda"
    torch_device: str = "cuda"
    container_refusal: str | None = None
    passed_environment: tuple[str, ...] = (
        "CUDA_VISIBLE_DEVICES",
        "CUDA_DEVICE_ORDER",
        "CUDA_LAUNCH_BLOCKING",
        "NVIDIA_TF32_OVERRIDE",
        "PYTORCH_CUDA_ALLOC_CONF",
        "PYTORCH_ALLOC_CONF",
    )

    def check_host(self, accelerators: Accelerators) -> None:
        """Raise BackendMissing unless there is an NVIDIA GPU with a supported driver."""
        refuse_unusable(accelerators, Backend.CUDA)
        if not accelerators.cuda():
            raise BackendMissing(
                "The backend cuda needs an NVIDIA GPU and its driver; none was found.",
                "Check that nvidia-smi lists the GPU, install NVIDIA's driver if it doesn't, "
                "or choose --backend cpu.",
            )
        self.torch_index(accelerators)

    def check_image(self, accelerators: Accelerators, archs: str) -> None:
        """Raise BackendMissing if `archs`, as in `sm_80 sm_90 compute_90`, don't fit the GPU."""
        built, gpu = archs.split(), _used(accelerators)
        capability = gpu.compute_capability if gpu else None
        if not gpu or not capability or not built:
            return
        if any(_arch_serves(arch, capability) for arch in built):
            return
        raise BackendMissing(
            f"The image's torch has no code for {_describe(gpu)}; it was built for {archs}.",
            f"Build it with --torch-index {self.torch_index(accelerators)}, "
            "or choose --backend cpu.",
        )

    def torch_index(self, accelerators: Accelerators) -> str:
        """Return the newest CUDA that driver and GPU support; an unknown driver counts as new.

        CUDA 13 needs a driver >= 580 and compute capability >= 7.5, CUDA 12 one >= 525 and >= 5.0.
        """
        gpu = _used(accelerators)
        if gpu is None:
            return "default"
        driver = _major(gpu.driver_version, default=_CUDA13_DRIVER)
        capability = gpu.compute_capability or _CUDA13_CAPABILITY
        if driver < _CUDA12_DRIVER:
            raise BackendMissing(
                f"The NVIDIA driver {gpu.driver_version} is too old: CUDA 12 needs "
                f"{_CUDA12_DRIVER} or newer.",
                "Update the driver, or choose --backend cpu.",
            )
        if capability < _CUDA12_CAPABILITY:
            raise BackendMissing(
                f"No supported build of torch has code for {_describe(gpu)}.",
                "Choose --backend cpu.",
            )
        is_new = driver >= _CUDA13_DRIVER and capability >= _CUDA13_CAPABILITY
        return "default" if is_new else _CUDA12_INDEX

    def container_needs(self, accelerators: Accelerators) -> ContainerNeeds:
        """Request every GPU; CUDA_VISIBLE_DEVICES chooses inside the container, too."""
        return ContainerNeeds(
            gpu=GpuRequest(driver="nvidia", cdi_kind="nvidia.com/gpu"),
            environment=_same_inside(accelerators),
        )

    def is_built_into(self, torch: Any) -> bool:  # noqa: ANN401 - a module
        """Whether torch was built with CUDA."""
        return bool(torch.version.cuda)

    def is_available(self, torch: Any) -> bool:  # noqa: ANN401 - a module
        """Whether CUDA finds a GPU."""
        return bool(torch.cuda.is_available())

    def describe_device(self, torch: Any) -> dict[str, Any]:  # noqa: ANN401 - a module
        """Return the GPU in use, with its UUID."""
        used = used_gpu(torch)
        return {**describe_gpu(used), "uuid": _uuid(used)}


def _uuid(properties: Any) -> str | None:  # noqa: ANN401 - torch's own class
    uuid = getattr(properties, "uuid", None)
    if not uuid:
        return None
    kind = "MIG" if is_mig_instance(properties.name) else "GPU"
    return f"{kind}-{str(uuid).removeprefix(f'{kind}-')}"


def _used(accelerators: Accelerators) -> NvidiaGpu | None:
    """Return the GPU that a run computes on: CUDA's first."""
    return next(iter(accelerators.cuda()), None)


def _same_inside(accelerators: Accelerators) -> dict[str, str]:
    """Name chosen GPUs by UUID: an engine may see more of them than a job of a scheduler does.

    Indices are kept where only CUDA knows their order.
    """
    gpus = accelerators.cuda()
    uuids = [gpu.uuid for gpu in gpus if gpu.uuid]
    is_chosen = visible.CUDA_VARIABLE in accelerators.variables
    if not is_chosen or accelerators.is_guess or not uuids or len(uuids) < len(gpus):
        return {}
    return {visible.CUDA_VARIABLE: ",".join(uuids)}


def _major(version: str | None, *, default: int) -> int:
    head = (version or "").partition(".")[0]
    return int(head) if head.isdigit() else default


def _arch_serves(arch: str, capability: tuple[int, int]) -> bool:
    # Machine code runs on its major generation from its minor on, PTX on everything newer, an
    # `a` or `f` variant on its own chip or family only.
    kind, _, number = arch.partition("_")
    digits = number.rstrip("af")
    if not digits.isdigit():
        return False
    made_for = int(digits[:-1]), int(digits[-1])
    if number != digits:
        return made_for == capability
    if kind == "compute":
        return made_for <= capability
    return made_for[0] == capability[0] and made_for[1] <= capability[1]


def _describe(gpu: NvidiaGpu) -> str:
    capability = ".".join(map(str, gpu.compute_capability or ()))
    return f"{gpu.name} (compute capability {capability})"


TARGET = Cuda()
