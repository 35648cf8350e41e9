"""Accelerators as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nobs.schema.enums import Backend
from nobs.system import visible

GIB = 1024**3

# The amdgpu driver lists these integrated GPUs as compute nodes, but ROCm's libraries have no
# kernels for them: a run would fail, so they don't make a machine a ROCm machine.
_GFX_WITHOUT_ROCM = frozenset(
    {"gfx902", "gfx909", "gfx90c", "gfx1013", "gfx1033", "gfx1034", "gfx1035", "gfx1036", "gfx1037"}
    | {"gfx1103"}
)
# GPUs within processors: what the firmware sets aside for them is a part of the system's memory.
_GFX_INTEGRATED = _GFX_WITHOUT_ROCM - {"gfx1034"} | {"gfx1150", "gfx1151", "gfx1152", "gfx1153"}
_MI300A = 0x74A0
# How much faster a GPU of the next generation is with the same memory: a guess that puts most pairs
# of cards that people own into the right order. CUDA's own heuristic isn't published.
_GAIN_OF_A_GENERATION = 1.7


@dataclass(frozen=True, kw_only=True)
class NvidiaGpu:
    """An NVIDIA GPU as its driver describes it."""

    index: int
    name: str
    memory_gb: float | None
    """GiB of its own memory; None if it has none or doesn't say."""
    driver_version: str | None
    compute_capability: tuple[int, int] | None
    uuid: str | None
    is_unified: bool = False
    """Whether it shares the system's memory (GB10, Jetson)."""
    slices: "tuple[NvidiaGpu, ...] | None" = None
    """MIG instances; None without MIG."""

    @property
    def speed(self) -> float:
        """Return an estimate for comparing GPUs of one machine with each other."""
        gain: float = _GAIN_OF_A_GENERATION**self._generation
        return gain * (self.memory_gb or 0.0)

    @property
    def _generation(self) -> int:
        major, minor = self.compute_capability or (0, 0)
        # Ada has Ampere's major number, Turing is as old as Volta, and Hopper as Ada.
        generations = {3: 0, 5: 1, 6: 2, 7: 3, 8: 5 if minor >= 9 else 4, 9: 5}
        return generations.get(major, 6 if major > 9 else 0)


@dataclass(frozen=True, kw_only=True)
class AmdGpu:
    """An AMD GPU as the kernel's compute driver (kfd) describes it."""

    node: int
    """Number of its kfd topology node."""
    name: str
    gfx: str
    """Instruction set, as in `gfx942`."""
    memory_gb: float | None
    """GiB of its own memory, or of what is set aside for it."""
    render_minor: int | None
    driver_version: str | None
    uuid: str | None = None
    """As ROCm names it: `GPU-` and 16 hexadecimal digits."""
    device_id: int | None = None
    """PCI device id."""

    @property
    def render_node(self) -> str | None:
        """Device file that a container needs for this GPU, as in `/dev/dri/renderD128`."""
        return None if self.render_minor is None else f"/dev/dri/renderD{self.render_minor}"

    @property
    def rocm_has_kernels(self) -> bool:
        """Whether ROCm's libraries are built for its instruction set."""
        return self.gfx not in _GFX_WITHOUT_ROCM

    @property
    def is_unified(self) -> bool:
        """Whether its memory is a part of the system's (APU)."""
        return self.gfx in _GFX_INTEGRATED or self.device_id == _MI300A


@dataclass(frozen=True, kw_only=True)
class AppleGpu:
    """The GPU of an Apple chip; it shares the system's memory."""

    name: str
    cores: int | None


type Gpu = NvidiaGpu | AmdGpu | AppleGpu


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Why a GPU that is, or seems to be, present can't be used."""

    backend: Backend
    """The one that would use it."""
    reason: str
    """What was found, as one sentence or more."""
    remedy: str
    is_broken: bool = True
    """Whether its driver or tool is installed but fails; otherwise nothing is installed for it."""


@dataclass(frozen=True, kw_only=True)
class Accelerators:
    """Every accelerator of a machine, and the variables that choose among them."""

    nvidia: tuple[NvidiaGpu, ...] = ()
    """In the order of the bus, as nvidia-smi numbers them."""
    amd: tuple[AmdGpu, ...] = ()
    """In the order of kfd's nodes, as ROCm numbers them."""
    apple: AppleGpu | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    """Those of `visible.VARIABLES` that are set."""
    obstacles: tuple[Obstacle, ...] = ()
    remarks: tuple[str, ...] = ()
    """Complaints of tools that answered."""

    def primary(self, backend: Backend) -> Gpu | None:
        """Return the GPU that a one-GPU run on `backend` gets; for `cpu`, the machine's best."""
        if backend is not Backend.CPU:
            return next(iter(self.visible(backend)), None)
        whole = Accelerators(nvidia=self.nvidia, amd=self.amd, apple=self.apple)
        gpus = (whole.primary(kind) for kind in (Backend.CUDA, Backend.ROCM, Backend.MPS))
        return next((gpu for gpu in gpus if gpu), None)

    def visible(self, backend: Backend) -> Sequence[Gpu]:
        """Return the GPUs that a program on `backend` sees, in its own numbering."""
        match backend:
            case Backend.CUDA:
                return self.cuda()
            case Backend.ROCM:
                return self.hip()
            case Backend.MPS:
                return (self.apple,) if self.apple else ()
            case _:
                return ()

    def cuda(self) -> tuple[NvidiaGpu, ...]:
        """Return the GPUs and MIG instances that CUDA shows, in its numbering."""
        numbered = self._numbered_by_cuda()
        slices = [piece for gpu in self.nvidia for piece in gpu.slices or ()]
        usable = [gpu for gpu in self.nvidia if gpu.slices != ()]
        named = tuple(dict.fromkeys((*usable, *slices)))
        for _, value in visible.cuda_choices(self.variables):
            picked = visible.pick(value, numbered, named)
            # A program sees one instance of a divided GPU that is named as a whole.
            return tuple(gpu.slices[0] if gpu.slices else gpu for gpu in picked)
        return numbered

    def hip(self) -> tuple[AmdGpu, ...]:
        """Return the GPUs that HIP shows: it counts among those that ROCr shows."""
        shown = self.amd
        for _, value in visible.hip_choices(self.variables):
            shown = visible.pick(value, shown, shown)
        return shown

    def hiding(self, backend: Backend) -> str | None:
        """Return the variables, as `NAME='value'`, that leave `backend` no GPU; None if none does.

        GPUs that no tool could list are hidden by `''` and `-1` only, as far as is known.
        """
        if self.visible(backend) or backend not in (Backend.CUDA, Backend.ROCM):
            return None
        is_cuda = backend is Backend.CUDA
        choices = visible.cuda_choices if is_cuda else visible.hip_choices
        are_known = self.nvidia if is_cuda else self.amd
        hiding = [
            f"{name}={value!r}"
            for name, value in choices(self.variables)
            if are_known or visible.hides_all(value)
        ]
        return " and ".join(hiding) or None

    def is_hidden_on_purpose(self, backend: Backend) -> bool:
        """Return whether a variable hides every GPU, as users set it who want the CPU."""
        choices = visible.cuda_choices if backend is Backend.CUDA else visible.hip_choices
        return any(visible.hides_all(value) for _, value in choices(self.variables))

    @property
    def is_guess(self) -> bool:
        """Whether only CUDA knows which of several models comes first in its numbering."""
        if visible.orders_by_bus(self.variables) or any(gpu.slices for gpu in self.nvidia):
            return False
        values = [value for _, value in visible.cuda_choices(self.variables)]
        models = {(gpu.name, gpu.memory_gb) for gpu in self.nvidia}
        return len(models) > 1 and not any(map(visible.names_by_uuid, values))

    def _numbered_by_cuda(self) -> tuple[NvidiaGpu, ...]:
        """Return what CUDA numbers: one MIG instance if there are any, else the whole GPUs."""
        slices = [piece for gpu in self.nvidia for piece in gpu.slices or ()]
        if slices:
            return (slices[0],)
        whole = [gpu for gpu in self.nvidia if gpu.slices is None]
        if visible.orders_by_bus(self.variables):
            return tuple(whole)
        return tuple(sorted(whole, key=lambda gpu: gpu.speed, reverse=True))
