"""AMD GPUs as listed by the kernel's compute driver (kfd), or why one isn't used."""

import re
from collections.abc import Iterator

from nobs.schema.enums import Backend
from nobs.system.gpus import AmdGpu, Obstacle
from nobs.system.parsers import amd
from nobs.system.parsers.values import stripped
from nobs.system.pci import AMD, find_pci_gpus
from nobs.system.probe import PROBE_S, Probe

_KFD_NODES = "/sys/class/kfd/kfd/topology/nodes"
_AMDGPU_IDS = ("/usr/share/libdrm/amdgpu.ids", "/opt/amdgpu/share/libdrm/amdgpu.ids")
_TOOLS = (("amd-smi", "list"), ("rocm-smi",))
_TROUBLE = re.compile(r"error|fail|unable|not initiali[sz]ed|\bGPU\b\W*[0-9]", re.IGNORECASE)
"""Complaints, and GPUs that the compute driver doesn't list."""
_WHOLE = "SPX"


def find_amd(machine: Probe) -> tuple[tuple[AmdGpu, ...], tuple[Obstacle, ...]]:
    """Return the GPUs that ROCm can open, and why others are not used."""
    numbers = sorted(int(name) for name in machine.names(_KFD_NODES) if name.isdecimal())
    found = (_amd_gpu(machine, number) for number in numbers)
    gpus = tuple(gpu for gpu in found if gpu)
    return gpus, tuple(_without_kernels(gpus) if gpus else _explain(machine))


def _amd_gpu(machine: Probe, number: int) -> AmdGpu | None:
    node = f"{_KFD_NODES}/{number}"
    properties = amd.parse_properties(machine.read(f"{node}/properties"))
    gfx = amd.gfx_name(properties.get("gfx_target_version"))
    # CPUs are nodes too, and a GPU that isn't passed to this container can't be read.
    if gfx is None or not properties.get("simd_count"):
        return None
    render_minor = properties.get("drm_render_minor") or None
    unique = properties.get("unique_id")
    return AmdGpu(
        node=number,
        name=_amd_name(machine, properties.get("device_id"), render_minor, gfx),
        gfx=gfx,
        memory_gb=amd.own_memory_gb(_memory_banks(machine, node)),
        render_minor=render_minor,
        driver_version=stripped(machine.read("/sys/module/amdgpu/version")),
        uuid=f"GPU-{unique:016x}" if unique else None,
        device_id=properties.get("device_id"),
    )


def _amd_name(machine: Probe, device_id: int | None, render_minor: int | None, gfx: str) -> str:
    device = f"/sys/class/drm/renderD{render_minor}/device"
    ids = next((text for path in _AMDGPU_IDS if (text := machine.read(path))), None)
    board = machine.read(f"{device}/product_name")
    name = amd.product_name(board, ids, device_id, machine.read(f"{device}/revision"), gfx)
    partition = stripped(machine.read(f"{device}/current_compute_partition"))
    return name if partition in (None, _WHOLE) else f"{name} {partition} partition"


def _memory_banks(machine: Probe, node: str) -> list[dict[str, int]]:
    names = machine.names(f"{node}/mem_banks")
    paths = (f"{node}/mem_banks/{name}/properties" for name in names)
    return [amd.parse_properties(machine.read(path)) for path in paths]


def _without_kernels(gpus: tuple[AmdGpu, ...]) -> Iterator[Obstacle]:
    for gpu in gpus:
        if not gpu.rocm_has_kernels:
            yield Obstacle(
                backend=Backend.ROCM,
                reason=f"{gpu.name} isn't used: ROCm has no kernels for {gpu.gfx}.",
                remedy="To try it anyway, set HSA_OVERRIDE_GFX_VERSION and --backend rocm",
                is_broken=False,
            )


def _explain(machine: Probe) -> Iterator[Obstacle]:
    """Yield why kfd lists no GPU, if AMD hardware or tools are here."""
    for words in _TOOLS:
        answer = machine.ask(words, PROBE_S)
        # rocm-smi ends with 0 even if the driver is missing.
        if answer is None or (answer.exit_code == 0 and not _TROUBLE.search(answer.text)):
            continue
        ending = (
            f"gave no answer within {PROBE_S:g} s"
            if answer.gave_up
            else f"exits with {answer.exit_code}: {answer.text.rstrip('.')}"
        )
        yield Obstacle(
            backend=Backend.ROCM,
            reason=f"{words[0]} is installed, but {ending}, and the compute driver lists no GPU.",
            remedy="Load AMD's kernel driver (`sudo modprobe amdgpu`) or reboot, and in a "
            "container pass /dev/kfd and /dev/dri",
        )
        return
    for gpu in find_pci_gpus(machine, AMD):
        driver = f"its driver is {gpu.driver}" if gpu.driver else "no driver serves it"
        yield Obstacle(
            backend=Backend.ROCM,
            reason=f"The AMD GPU at {gpu.address} isn't used: the compute driver (kfd) doesn't "
            f"list it, {driver}.",
            remedy="Install AMD's driver to measure it, and in a container pass /dev/kfd and "
            "/dev/dri",
            # A graphics card may be too old for ROCm; an Instinct has no other use.
            is_broken=not gpu.is_display,
        )
