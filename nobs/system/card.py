"""The condition of an NVIDIA card as NVML reports it: faults, other users, a division by MIG."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nobs.system import nvml
from nobs.system.gpus import NvidiaGpu


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What is known about a card; None where the driver doesn't say."""

    uncorrected_errors: int | None = None
    """ECC errors in memory since the driver was loaded that could not be corrected."""
    needs_reset: bool | None = None
    """Whether memory rows wait for a reset to be replaced."""
    is_worn: bool | None = None
    """Whether a row could not be replaced: the card has to be."""
    has_mig: bool | None = None
    """Whether MIG divides the card."""
    processes: int | None = None
    """Processes that compute on it; those outside of a container can be missing."""
    used_share: float | None = None
    """Share of its memory that is in use."""


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """Why the condition isn't known, and what to do."""

    reason: str
    remedy: str


_NO_LIBRARY = (
    "Install the driver's library libnvidia-ml.so.1; in a container, add `utility` to "
    "NVIDIA_DRIVER_CAPABILITIES"
)


def ask_condition(gpu: NvidiaGpu, timeout_s: float) -> Condition | Unknown:
    """Return the condition of `gpu`, or why NVML doesn't report it."""
    library = nvml.load()
    if library is None:
        return Unknown(reason="pynvml isn't installed", remedy="Install nvidia-ml-py")
    answers = nvml.in_time(lambda: _read(library, gpu), timeout_s)
    if answers:
        return answers[0]
    reason = f"NVML gave no answer within {timeout_s:g} s"
    return Unknown(reason=reason, remedy="Look at `sudo dmesg` and reboot")


def _read(library: Any, gpu: NvidiaGpu) -> Condition | Unknown:  # noqa: ANN401  pynvml has no types
    try:
        library.nvmlInit()
    except library.NVMLError as error:
        return Unknown(reason=f"NVML: {error}", remedy=_NO_LIBRARY)
    try:
        if gpu.uuid:
            handle = library.nvmlDeviceGetHandleByUUID(gpu.uuid)
        else:
            handle = library.nvmlDeviceGetHandleByIndex(gpu.index)
        return _condition(library, handle)
    except library.NVMLError as error:
        return Unknown(reason=f"NVML: {error}", remedy="Check `nvidia-smi`")
    finally:
        library.nvmlShutdown()


def _condition(library: Any, handle: Any) -> Condition:  # noqa: ANN401
    def known[T](read: Callable[[], T]) -> T | None:
        with contextlib.suppress(library.NVMLError):
            return read()
        return None

    uncorrected = library.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, library.NVML_VOLATILE_ECC
    rows = known(lambda: library.nvmlDeviceGetRemappedRows(handle))
    mig = known(lambda: library.nvmlDeviceGetMigMode(handle))
    memory = known(lambda: library.nvmlDeviceGetMemoryInfo(handle))
    return Condition(
        uncorrected_errors=known(lambda: library.nvmlDeviceGetTotalEccErrors(handle, *uncorrected)),
        needs_reset=bool(rows[2]) if rows else None,
        is_worn=bool(rows[3]) if rows else None,
        has_mig=bool(mig[0]) if mig else None,
        processes=known(lambda: len(library.nvmlDeviceGetComputeRunningProcesses(handle))),
        used_share=memory.used / memory.total if memory and memory.total else None,
    )
