"""The devices of a machine by the names that `--device` takes.

`cuda:1` and `rocm:1` are numbered as `nvidia-smi -L` and ROCm list them, whatever a variable such
as CUDA_VISIBLE_DEVICES hides: a number must mean the same GPU in every report of a machine.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from nobs.errors import BackendMissing, UsageError
from nobs.schema.device import DeviceRef
from nobs.schema.enums import Backend
from nobs.system import visible
from nobs.system.gpus import Accelerators, AmdGpu, NvidiaGpu

ALL = "all"
_UUID = re.compile(r"(GPU|MIG)-[0-9a-f-]+", re.IGNORECASE)
_NUMBERED = re.compile(r"(cuda|rocm|mps):([0-9]{1,4})")
_CORES = re.compile(r"cpu:([0-9]{1,5}(?:-[0-9]{1,5})?(?:\+[0-9]{1,5}(?:-[0-9]{1,5})?)*)")
_SYNTAX = (
    "Name devices as in cuda:1, cuda:0,cuda:1, a UUID of `nvidia-smi -L`, cpu:0-3 (cores), or all."
)


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device and the machine as programs see it that may use only this one."""

    ref: DeviceRef
    accelerators: Accelerators


def names_of(text: str) -> tuple[str, ...]:
    """Return the names in a list such as `cuda:0,cuda:1`; UsageError if one has no meaning."""
    names = tuple(part.strip() for part in text.split(","))
    if ALL in names and len(names) > 1:
        raise UsageError(f"--device has {ALL}, and also other devices.", f"Name {ALL} or a list.")
    for name in names:
        backend_of(name)
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"--device names {twice} twice.", "Name each device once.")
    return names


def backend_of(name: str) -> Backend | None:
    """Return the backend of a name; None for `all`. UsageError if it names no device."""
    if name == ALL:
        return None
    if name in ("cuda", "rocm", "mps", "cpu"):
        return Backend(name)
    if found := _NUMBERED.fullmatch(name):
        return Backend(found[1])
    if _CORES.fullmatch(name):
        return Backend.CPU
    if found := _UUID.fullmatch(name):
        # AMD's have 16 digits in one group.
        is_nvidia = found[1].upper() == "MIG" or name.count("-") > 1
        return Backend.CUDA if is_nvidia else Backend.ROCM
    raise UsageError(f"--device: {name!r} names no device.", _SYNTAX)


def common_backend(names: Iterable[str]) -> Backend | None:
    """Return the backend that all names share; None for `all`. UsageError if they differ."""
    backends = {name: backend_of(name) for name in names}
    if len(set(backends.values())) > 1:
        raise UsageError(
            f"--device has devices of several backends: {', '.join(backends)}.",
            "Measure the devices of each backend in a run of its own.",
        )
    return next(iter(backends.values()))


def choose_devices(
    names: Sequence[str], backend: Backend, accelerators: Accelerators, cores: Iterable[int]
) -> tuple[Device, ...]:
    """Return the named devices; none where a name means what a run uses anyway.

    `cores` are those that this process may use. BackendMissing if a device isn't there, UsageError
    if a name isn't clear.
    """
    if backend is Backend.CPU:
        chosen = [_cores(name, frozenset(cores)) for name in names if ":" in name]
        found = [Device(ref=ref, accelerators=accelerators) for ref in chosen]
        _refuse_shared_cores(chosen)
    elif backend in (Backend.CUDA, Backend.ROCM):
        found = list(_gpus(names, backend, accelerators))
    else:
        found = []
        _refuse_numbers(names, backend)
    if found and len(found) < len(names) and names != (ALL,):
        raise UsageError(
            f"--device has {backend}, which is every device, and also others.",
            f"Name all, or a list with numbers such as {backend}:0,{backend}:1.",
        )
    refs = [device.ref.name for device in found]
    if twice := next((name for name in refs if refs.count(name) > 1), None):
        raise UsageError(f"--device names {twice} twice.", "Name each device once.")
    return tuple(found)


def _refuse_numbers(names: Sequence[str], backend: Backend) -> None:
    for name in names:
        if name not in (ALL, str(backend), f"{backend}:0"):
            raise BackendMissing(
                f"There is no device {name}: the backend {backend} has one device here.",
                f"Name {backend}, or omit --device.",
            )


def _gpus(names: Sequence[str], backend: Backend, accelerators: Accelerators) -> Iterable[Device]:
    is_cuda = backend is Backend.CUDA
    table: Sequence[NvidiaGpu | AmdGpu] = accelerators.nvidia if is_cuda else accelerators.amd
    if not table and any(name != str(backend) for name in names):
        raise BackendMissing(
            f"No GPU of the backend {backend} was found.",
            "Check the driver with `nobs doctor`, or choose --device cpu.",
        )
    if names == (ALL,):
        shown = [n for n in range(len(table)) if not _is_hidden(n, backend, accelerators)]
        if not shown:
            hiding = accelerators.hiding(backend) or "a variable hides every GPU"
            raise BackendMissing(f"No {backend} device is visible: {hiding}.", "Unset it.")
        names = [f"{backend}:{number}" for number in shown]
    for name in names:
        if name != str(backend):
            yield _gpu(name, table, backend, accelerators)


def _gpu(
    name: str, table: Sequence[NvidiaGpu | AmdGpu], backend: Backend, accelerators: Accelerators
) -> Device:
    if _UUID.fullmatch(name):
        number, gpu = _by_uuid(name, table, backend)
    else:
        number = int(name.partition(":")[2])
        if number >= len(table):
            listed = ", ".join(f"{backend}:{n} ({gpu.name})" for n, gpu in enumerate(table))
            raise BackendMissing(
                f"There is no device {name}; this machine has {listed}.", "Name one of them."
            )
        gpu = table[number]
    if (slices := getattr(gpu, "slices", None)) is not None:
        uuids = ", ".join(piece.uuid or "?" for piece in slices) or "none yet"
        raise UsageError(
            f"{name} ({gpu.name}) is divided by MIG; its instances are: {uuids}.",
            "Name an instance by its UUID (`nvidia-smi -L`), or disable MIG.",
        )
    is_slice = gpu.uuid is not None and gpu.uuid.upper().startswith("MIG-")
    if _is_hidden(number, backend, accelerators):
        hiding = " and ".join(f"{key}={value!r}" for key, value in accelerators.variables.items())
        raise BackendMissing(
            f"{name} ({gpu.name}) is hidden by {hiding}.",
            "Unset the variable, or name a device that it shows.",
        )
    variables = _variables(backend, number, gpu.uuid)
    ref = DeviceRef(
        name=str(gpu.uuid) if is_slice else f"{backend}:{number}",
        index=None if is_slice else number,
        model=gpu.name,
        uuid=gpu.uuid,
        variables=variables,
    )
    return Device(ref=ref, accelerators=replace(accelerators, variables=variables))


def _by_uuid(
    name: str, table: Sequence[NvidiaGpu | AmdGpu], backend: Backend
) -> tuple[int, NvidiaGpu | AmdGpu]:
    named = [(number, gpu) for number, gpu in enumerate(table)]
    pieces = [(n, piece) for n, gpu in named for piece in getattr(gpu, "slices", None) or ()]
    wanted = name.lower()
    found = [pair for pair in (*named, *pieces) if (pair[1].uuid or "").lower().startswith(wanted)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(gpu.uuid or gpu.name for _, gpu in (*named, *pieces))
    how = "is the beginning of several UUIDs" if found else f"is no {backend} device here"
    raise BackendMissing(f"{name} {how}; this machine has {listed}.", "Name one of them.")


def _is_hidden(number: int, backend: Backend, accelerators: Accelerators) -> bool:
    """Return whether a variable of the caller, such as a scheduler sets, leaves the GPU out."""
    if backend is Backend.ROCM:
        return accelerators.amd[number] not in accelerators.hip()
    choices = visible.cuda_choices(accelerators.variables)
    gpu = accelerators.nvidia[number]
    shown = accelerators.cuda()
    return bool(choices) and gpu not in shown and not any(p in shown for p in gpu.slices or ())


def _variables(backend: Backend, number: int, uuid: str | None) -> dict[str, str]:
    if backend is Backend.ROCM:
        return {"ROCR_VISIBLE_DEVICES": uuid or str(number)}
    # Without a UUID the number must be that of the bus.
    order = {} if uuid else {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    return {**order, visible.CUDA_VARIABLE: uuid or str(number)}


def _cores(name: str, usable: frozenset[int]) -> DeviceRef:
    cores: list[int] = []
    for part in name.partition(":")[2].split("+"):
        first, _, last = part.partition("-")
        if int(last or first) - int(first) not in range(4096):
            raise UsageError(f"--device: {name} has no cores in {part}.", _SYNTAX)
        cores += range(int(first), int(last or first) + 1)
    if absent := sorted(set(cores) - usable):
        raise BackendMissing(
            f"{name}: this process can't use core {absent[0]}; it may use {_ranges(usable)}.",
            "Name cores among these, as in cpu:0-3 or cpu:0-3+8-11.",
        )
    return DeviceRef(name=f"cpu:{_ranges(cores)}", cores=tuple(sorted(set(cores))))


def _refuse_shared_cores(chosen: Sequence[DeviceRef]) -> None:
    used: dict[int, str] = {}
    for ref in chosen:
        for core in ref.cores:
            if used.setdefault(core, ref.name) != ref.name:
                raise UsageError(
                    f"--device: core {core} is in {used[core]} and in {ref.name}.",
                    "Give each device cores of its own.",
                )


def _ranges(cores: Iterable[int]) -> str:
    """Return core numbers in the notation of `--device`: `0-3+8`."""
    parts: list[list[int]] = []
    for core in sorted(set(cores)):
        if parts and core == parts[-1][1] + 1:
            parts[-1][1] = core
        else:
            parts.append([core, core])
    return "+".join(f"{a}" if a == b else f"{a}-{b}" for a, b in parts)
