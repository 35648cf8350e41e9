"""Accelerators as values."""

from dataclasses import dataclass

from nobs.schema.base import Backend

GIB = 1024**3

# The amdgpu driver lists these integrated GPUs as compute nodes, but ROCm's libraries have no
# kernels for them: a run would fail, so they don't make a machine a ROCm machine.
_GFX_WITHOUT_ROCM = frozenset(
    {"gfx902", "gfx909", "gfx90c", "gfx1013", "gfx1033", "gfx1034", "gfx1035", "gfx1036", "gfx1037"}
    | {"gfx1103"}
)


@dataclass(frozen=True, kw_only=True)
class NvidiaGpu:
    """An NVIDIA GPU as its driver describes it."""

    index: int
    name: str
    memory_gb: float | None
    """GiB of its own memory; None if it shares the system's (GB10, Jetson)."""
    driver_version: str | None
    compute_capability: tuple[int, int] | None
    uuid: str | None


@dataclass(frozen=True, kw_only=True)
class AmdGpu:
    """An AMD GPU as the kernel's compute driver (kfd) describes it."""

    node: int
    """Number of its kfd topology node."""
    name: str
    gfx: str
    """Instruction set, as in `gfx942`."""
    memory_gb: float | None
    """GiB of its own memory."""
    render_minor: int | None
    driver_version: str | None

    @property
    def render_node(self) -> str | None:
        """Device file that a container needs for this GPU, as in `/dev/dri/renderD128`."""
        return None if self.render_minor is None else f"/dev/dri/renderD{self.render_minor}"

    @property
    def rocm_has_kernels(self) -> bool:
        """Whether ROCm's libraries are built for its instruction set."""
        return self.gfx not in _GFX_WITHOUT_ROCM


@dataclass(frozen=True, kw_only=True)
class AppleGpu:
    """The GPU of an Apple chip; it shares the system's memory."""

    name: str
    cores: int | None


@dataclass(frozen=True, kw_only=True)
class Accelerators:
    """Every accelerator of a machine that a backend can use."""

    nvidia: tuple[NvidiaGpu, ...] = ()
    amd: tuple[AmdGpu, ...] = ()
    apple: AppleGpu | None = None

    def primary(self, backend: Backend) -> NvidiaGpu | AmdGpu | AppleGpu | None:
        """Return the GPU that a one-GPU run on `backend` gets; for `cpu`, the machine's best."""
        by_backend: dict[Backend, NvidiaGpu | AmdGpu | AppleGpu | None] = {
            Backend.CUDA: _fastest(self.nvidia),
            Backend.ROCM: _largest(self.amd),
            Backend.MPS: self.apple,
        }
        first = next((gpu for gpu in by_backend.values() if gpu), None)
        return by_backend.get(backend) or first


def _fastest(gpus: tuple[NvidiaGpu, ...]) -> NvidiaGpu | None:
    # CUDA numbers the fastest GPU 0, nvidia-smi the first on the bus.
    return max(gpus, key=lambda g: (g.compute_capability or (0, 0), g.memory_gb or 0), default=None)


def _largest(gpus: tuple[AmdGpu, ...]) -> AmdGpu | None:
    return max(gpus, key=lambda g: (g.rocm_has_kernels, g.memory_gb or 0), default=None)
