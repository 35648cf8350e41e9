"""The device under measurement: the seven fields of a report."""

import re

from nobs.schema.device import SHARED_MEMORY, DeviceInfo
from nobs.schema.enums import Backend
from nobs.system.accelerators import detect_backend, find_accelerators
from nobs.system.gpus import GIB, Accelerators, AmdGpu, AppleGpu, NvidiaGpu
from nobs.system.identity import host, identify, processor, windows_pc
from nobs.system.parsers.fastfetch import GPU_QUERY, parse_fastfetch_gpu
from nobs.system.probe import LocalMachine, Probe

_VIRTUAL_DISPLAY = re.compile(
    r"basic (display|render)|remote display|hyper-v|virtual|qxl|vmware svga|cirrus|bochs|virtio"
    r"|llvmpipe|aspeed|matrox",
    re.IGNORECASE,
)

GpuFields = tuple[str | None, float | str | None]
"""`gpu_name` and `gpu_memory_gb`."""


def get_device_info(
    backend: Backend | None = None,
    probe: Probe | None = None,
    accelerators: Accelerators | None = None,
) -> DeviceInfo:
    """Describe this machine as a run on `backend` sees it; None takes the best it can use.

    BackendMissing where that isn't known (see `detect_backend`).
    """
    machine = probe or LocalMachine()
    accelerators = accelerators or find_accelerators(machine)
    device = backend or detect_backend(accelerators)
    gpu = accelerators.primary(device)
    identity = identify(machine)
    if not device.is_builtin:
        # Its device is known only after computing.
        gpu_name, gpu_memory_gb = None, None
    elif gpu is None:
        gpu_name, gpu_memory_gb = _other_gpu(machine)
    elif isinstance(gpu, AppleGpu):
        gpu_name, gpu_memory_gb = _apple_gpu(gpu, identity.cpu)
    else:
        gpu_name, gpu_memory_gb = gpu.name, _memory(gpu)
    return DeviceInfo(
        platform=machine.system,
        device=device,
        ram_gb=round(machine.ram_bytes / GIB, 2),
        processor=processor(machine, identity),
        gpu_name=gpu_name,
        gpu_memory_gb=gpu_memory_gb,
        host=host(machine, identity),
    )


def _memory(gpu: NvidiaGpu | AmdGpu) -> float | str | None:
    if not gpu.is_unified:
        return gpu.memory_gb
    return f"{SHARED_MEMORY}, {gpu.memory_gb:g} GiB set aside" if gpu.memory_gb else SHARED_MEMORY


def _apple_gpu(gpu: AppleGpu, chip: str | None) -> GpuFields:
    name = chip if chip and gpu.name == "Apple GPU" else gpu.name
    return (f"{name} ({gpu.cores} cores)" if gpu.cores else name), SHARED_MEMORY


def _other_gpu(machine: Probe) -> GpuFields:
    """Return a GPU that no backend can use, so that a report of the CPU still names it."""
    found = parse_fastfetch_gpu(machine.run(GPU_QUERY))
    if found and not _VIRTUAL_DISPLAY.search(found[0]):
        return found
    names = windows_pc(machine).gpus if machine.system == "Windows" else ()
    return next((name for name in names if not _VIRTUAL_DISPLAY.search(name)), None), None
