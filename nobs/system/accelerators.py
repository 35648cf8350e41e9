"""Which accelerators the machine has and which backend that makes it."""

from collections.abc import Iterator

from nobs.errors import BackendMissing
from nobs.schema.enums import Backend
from nobs.system.amd import find_amd
from nobs.system.gpus import Accelerators, AppleGpu, Obstacle
from nobs.system.nvidia import find_nvidia
from nobs.system.parsers import macos
from nobs.system.probe import PROBE_S, LocalMachine, Probe
from nobs.system.visible import VARIABLES

SYSTEM_PROFILER = ("system_profiler", "-json", "SPHardwareDataType", "SPDisplaysDataType")
_BEST_FIRST = (Backend.CUDA, Backend.ROCM)
_IOREG = ("ioreg", "-rc", "AGXAccelerator", "-d1")


def find_accelerators(probe: Probe | None = None) -> Accelerators:
    """Return every GPU that CUDA, ROCm or MPS could use, and why others can't be used."""
    machine = probe or LocalMachine()
    if machine.system == "Darwin":
        return Accelerators(apple=_find_apple(machine))
    nvidia, broken_nvidia, remarks = find_nvidia(machine)
    amd, broken_amd = find_amd(machine)
    return Accelerators(
        nvidia=nvidia,
        amd=amd,
        variables={n: machine.environment[n] for n in VARIABLES if n in machine.environment},
        obstacles=(*broken_nvidia, *broken_amd),
        remarks=remarks,
    )


def detect_backend(accelerators: Accelerators) -> Backend:
    """Return the best backend that the machine can use.

    BackendMissing where a better one is here and broken: another would be measured silently.
    """
    if broken := find_broken(accelerators):
        raise BackendMissing(
            f"The best device of this machine is unknown: {broken.reason}",
            f"{broken.remedy}; or choose --backend cpu (NOBS_BACKEND=cpu) to measure the CPU "
            "anyway.",
        )
    usable = (kind for kind in _BEST_FIRST if _is_usable(accelerators, kind))
    return next(usable, Backend.MPS if accelerators.apple else Backend.CPU)


def find_broken(accelerators: Accelerators) -> Obstacle | None:
    """Return why a GPU can't be used that is better than every usable device."""
    for backend in _BEST_FIRST:
        if _is_usable(accelerators, backend):
            return None
        if accelerators.is_hidden_on_purpose(backend):
            continue
        if hiding := accelerators.hiding(backend):
            return Obstacle(
                backend=backend,
                reason=f"{hiding} names no GPU of this machine.",
                remedy="Unset it, or name one by its index or UUID (`nvidia-smi -L`, `rocminfo`)",
            )
        for obstacle in accelerators.obstacles:
            if obstacle.backend is backend and obstacle.is_broken:
                return obstacle
    return None


def explain_choice(accelerators: Accelerators, backend: Backend, *, is_auto: bool) -> Iterator[str]:
    """Yield notes on how `backend` and its device were chosen."""
    if backend is Backend.CUDA:
        yield from accelerators.remarks
        if accelerators.is_guess and (first := accelerators.primary(backend)):
            yield (
                f"cuda: taken for the first GPU: {first.name}. CUDA_DEVICE_ORDER isn't PCI_BUS_ID, "
                "so CUDA sorts GPUs by its own estimate of speed; the report names the device used"
            )
    if not is_auto:
        return
    for other in _BEST_FIRST:
        if other is backend:
            break
        hidden = accelerators.nvidia if other is Backend.CUDA else accelerators.amd
        obstacles = [each for each in accelerators.obstacles if each.backend is other]
        hiding = accelerators.hiding(other)
        if hiding and (hidden or obstacles):
            names = ", ".join(dict.fromkeys(gpu.name for gpu in hidden)) or "every GPU"
            yield f"{backend}: {hiding} hides {names}"
        for obstacle in obstacles:
            yield f"{backend}: {obstacle.reason} {obstacle.remedy}"


def _is_usable(accelerators: Accelerators, backend: Backend) -> bool:
    if backend is Backend.CUDA:
        return bool(accelerators.cuda())
    return any(gpu.rocm_has_kernels for gpu in accelerators.hip())


def _find_apple(machine: Probe) -> AppleGpu | None:
    # An x86 Python under Rosetta has no MPS, whatever the chip.
    if machine.machine != "arm64":
        return None
    gpu = macos.parse_displays(machine.run(SYSTEM_PROFILER, PROBE_S))
    if gpu and gpu.cores:
        return gpu
    cores = macos.parse_ioreg_gpu_cores(machine.run(_IOREG))
    return AppleGpu(name=gpu.name if gpu else "Apple GPU", cores=cores)
