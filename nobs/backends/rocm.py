"""AMD GPUs that ROCm has kernels for."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nobs.backends.base import (
    BackendTarget,
    ContainerNeeds,
    DeviceNode,
    describe_gpu,
    refuse_unusable,
    used_gpu,
)
from nobs.errors import BackendMissing
from nobs.schema.enums import Backend
from nobs.system.gpus import Accelerators, AmdGpu

_OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"


@dataclass(frozen=True, kw_only=True)
class Rocm(BackendTarget):
    """AMD GPUs as a target; the device files are below `root`."""

    name: str = "rocm"
    torch_device: str = "cuda"
    container_refusal: str | None = None
    passed_environment: tuple[str, ...] = (
        _OVERRIDE,
        "HIP_VISIBLE_DEVICES",
        "ROCR_VISIBLE_DEVICES",
        "CUDA_VISIBLE_DEVICES",
        "PYTORCH_ROCM_ARCH",
        "PYTORCH_HIP_ALLOC_CONF",
        "PYTORCH_ALLOC_CONF",
    )
    root: Path = Path("/")

    def check_host(self, accelerators: Accelerators) -> None:
        """Raise BackendMissing unless compute driver, render node and a usable GPU are present."""
        files = [node.source for node in self._nodes(accelerators)]
        missing = [file for file in files if not Path(file).exists()]
        if missing:
            raise BackendMissing(
                f"The backend rocm needs {' and '.join(missing)}: not found.",
                "Load AMD's kernel driver (`sudo modprobe amdgpu`) or install it, "
                "or choose --backend cpu.",
            )
        refuse_unusable(accelerators, Backend.ROCM)
        if not accelerators.amd:
            raise BackendMissing(
                "The backend rocm needs an AMD GPU that the compute driver lists; none was found.",
                "Check `rocminfo` and `ls /sys/class/kfd/kfd/topology/nodes`, "
                "or choose --backend cpu.",
            )
        used, *others = accelerators.hip()
        if _overridden() or used.rocm_has_kernels:
            return
        other = next((gpu for gpu in others if gpu.rocm_has_kernels), None)
        raise BackendMissing(
            f"ROCm has no kernels for {_describe(used)}, the first GPU that it lists.",
            f"Choose {other.name} with ROCR_VISIBLE_DEVICES={accelerators.amd.index(other)}."
            if other
            else f"Set {_OVERRIDE} to a close relative (as in 10.3.0), or choose --backend cpu.",
        )

    def check_image(self, accelerators: Accelerators, archs: str) -> None:
        """Raise BackendMissing if `archs`, as in `gfx90a gfx942`, don't fit the GPU."""
        built = {arch.partition(":")[0] for arch in archs.split()}
        used = next(iter(accelerators.hip()), None)
        if built and used and used.gfx not in built and not _overridden():
            raise BackendMissing(
                f"The image's torch has no code for {_describe(used)}; it was built for {archs}.",
                f"Build it with another --torch-index, or set {_OVERRIDE} to a close relative.",
            )

    def torch_index(self, accelerators: Accelerators) -> str:
        """Return PyTorch's own ROCm index; the default one has no builds for AMD."""
        return "rocm7.2"

    def container_needs(self, accelerators: Accelerators) -> ContainerNeeds:
        """Request the compute device, the render nodes and the groups that own them."""
        nodes = tuple(self._nodes(accelerators))
        return ContainerNeeds(device_nodes=nodes, groups=_owning_groups(nodes))

    def is_built_into(self, torch: Any) -> bool:  # noqa: ANN401 - a module
        """Whether torch was built with HIP."""
        return bool(torch.version.hip)

    def is_available(self, torch: Any) -> bool:  # noqa: ANN401 - a module
        """Whether HIP finds a GPU."""
        return bool(torch.cuda.is_available())

    def describe_device(self, torch: Any) -> dict[str, Any]:  # noqa: ANN401 - a module
        """Return the GPU in use; HIP's UUIDs aren't those of the driver's tools."""
        return describe_gpu(used_gpu(torch))

    def _nodes(self, accelerators: Accelerators) -> Iterator[DeviceNode]:
        yield self._node("/dev/kfd")
        listed = [gpu.render_node for gpu in accelerators.amd if gpu.render_node]
        yield from map(self._node, listed or self._render_nodes())

    def _node(self, path: str) -> DeviceNode:
        return DeviceNode(source=str(self.root / path.lstrip("/")), target=path)

    def _render_nodes(self) -> list[str]:
        found = sorted((self.root / "dev/dri").glob("renderD*"))
        return [f"/dev/dri/{file.name}" for file in found] or ["/dev/dri/renderD128"]


def _owning_groups(nodes: Iterable[DeviceNode]) -> tuple[int, ...]:
    owners = {Path(node.source).stat().st_gid for node in nodes if Path(node.source).exists()}
    return tuple(sorted(owners - {0}))


def _overridden() -> bool:
    return bool(os.environ.get(_OVERRIDE))


def _describe(gpu: AmdGpu) -> str:
    return f"{gpu.name} ({gpu.gfx})"


TARGET = Rocm()
