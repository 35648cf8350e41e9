"""Which accelerators the machine has and which backend that makes it."""

from nobs.schema.base import Backend
from nobs.system.gpus import Accelerators, AmdGpu, AppleGpu, NvidiaGpu
from nobs.system.parsers import amd, macos, nvidia
from nobs.system.probe import COLD_START_S, DRIVER_S, LocalMachine, Probe

__all__ = [
    "Accelerators",
    "AmdGpu",
    "AppleGpu",
    "NvidiaGpu",
    "detect_backend",
    "find_accelerators",
]

SYSTEM_PROFILER = ("system_profiler", "-json", "SPHardwareDataType", "SPDisplaysDataType")
_IOREG = ("ioreg", "-rc", "AGXAccelerator", "-d1")
_KFD_NODES = "/sys/class/kfd/kfd/topology/nodes"
_AMDGPU_IDS = ("/usr/share/libdrm/amdgpu.ids", "/opt/amdgpu/share/libdrm/amdgpu.ids")


def find_accelerators(probe: Probe | None = None) -> Accelerators:
    """Return every GPU that CUDA, ROCm or MPS could use; an absent driver is no error."""
    machine = probe or LocalMachine()
    if machine.system == "Darwin":
        return Accelerators(apple=_find_apple(machine))
    return Accelerators(nvidia=_find_nvidia(machine), amd=_find_amd(machine))


def detect_backend(accelerators: Accelerators) -> Backend:
    """Return the best backend that the machine can use."""
    if accelerators.nvidia:
        return Backend.CUDA
    if any(gpu.rocm_has_kernels for gpu in accelerators.amd):
        return Backend.ROCM
    return Backend.MPS if accelerators.apple else Backend.CPU


def _find_nvidia(machine: Probe) -> tuple[NvidiaGpu, ...]:
    for query in (nvidia.QUERY, nvidia.QUERY_OLD_DRIVER):
        gpus = nvidia.parse_table(machine.run(query, DRIVER_S))
        if gpus:
            return gpus
    return nvidia.parse_table(machine.nvml_table())


def _find_amd(machine: Probe) -> tuple[AmdGpu, ...]:
    numbers = sorted(int(name) for name in machine.names(_KFD_NODES) if name.isdecimal())
    gpus = (_amd_gpu(machine, number) for number in numbers)
    return tuple(gpu for gpu in gpus if gpu)


def _amd_gpu(machine: Probe, number: int) -> AmdGpu | None:
    node = f"{_KFD_NODES}/{number}"
    properties = amd.parse_properties(machine.read(f"{node}/properties"))
    gfx = amd.gfx_name(properties.get("gfx_target_version"))
    # CPUs are nodes too; and a GPU that this container was not given can't be read.
    if gfx is None or not properties.get("simd_count"):
        return None
    render_minor = properties.get("drm_render_minor") or None
    return AmdGpu(
        node=number,
        name=_amd_name(machine, properties.get("device_id"), render_minor, gfx),
        gfx=gfx,
        memory_gb=amd.own_memory_gb(_memory_banks(machine, node)),
        render_minor=render_minor,
        driver_version=_stripped(machine.read("/sys/module/amdgpu/version")),
    )


def _amd_name(machine: Probe, device_id: int | None, render_minor: int | None, gfx: str) -> str:
    device = f"/sys/class/drm/renderD{render_minor}/device"
    ids = next((text for path in _AMDGPU_IDS if (text := machine.read(path))), None)
    told = machine.read(f"{device}/product_name")
    return amd.product_name(told, ids, device_id, machine.read(f"{device}/revision"), gfx)


def _memory_banks(machine: Probe, node: str) -> list[dict[str, int]]:
    names = machine.names(f"{node}/mem_banks")
    paths = (f"{node}/mem_banks/{name}/properties" for name in names)
    return [amd.parse_properties(machine.read(path)) for path in paths]


def _find_apple(machine: Probe) -> AppleGpu | None:
    # An x86 Python under Rosetta has no MPS, whatever the chip.
    if machine.machine != "arm64":
        return None
    gpu = macos.parse_displays(machine.run(SYSTEM_PROFILER, COLD_START_S))
    if gpu and gpu.cores:
        return gpu
    cores = macos.parse_ioreg_gpu_cores(machine.run(_IOREG))
    return AppleGpu(name=gpu.name if gpu else "Apple GPU", cores=cores)


def _stripped(text: str | None) -> str | None:
    return text.strip() or None if text else None
