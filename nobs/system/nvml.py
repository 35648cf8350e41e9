"""NVIDIA GPUs through NVML, for machines with the driver's library but without nvidia-smi."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nobs.system.answer import NOTICE_S, report_waiting
from nobs.system.gpus import NvidiaGpu
from nobs.system.parsers.names import known

_NO_LIBRARY, _NO_DRIVER = 12, 9
"""Errors of a machine without NVIDIA's driver: no evidence of a GPU."""


def load() -> Any:  # noqa: ANN401  pynvml has no types
    """Import pynvml (extra `bench`); None without it."""
    try:
        import pynvml  # noqa: PLC0415  optional: the launcher runs without it
    except ImportError:
        return None
    return pynvml


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The GPUs that NVML lists, or why it lists none."""

    gpus: tuple[NvidiaGpu, ...] = ()
    error: str | None = None
    gave_up: bool = False
    """Whether the driver didn't answer in time."""


def ask(timeout_s: float) -> Listing | None:
    """Return the result of `list_gpus`, or give up after `timeout_s`."""
    library = load()
    if library is None:
        return None
    listings = in_time(lambda: list_gpus(library), timeout_s)
    return listings[0] if listings else Listing(gave_up=True)


def in_time[T](call: Callable[[], T], timeout_s: float) -> list[T]:
    """Return what a call into the driver returns; empty if it gave no answer in time."""
    answers = list[T]()
    # A call into a driver that hangs can't be interrupted: its thread stays.
    thread = threading.Thread(target=lambda: answers.append(call()), daemon=True)
    thread.start()
    thread.join(min(NOTICE_S, timeout_s))
    if thread.is_alive():
        report_waiting("NVML", timeout_s)
        thread.join(timeout_s - NOTICE_S)
    return answers


def list_gpus(nvml: Any) -> Listing | None:  # noqa: ANN401  pynvml has no types
    """Return the GPUs in the order of the bus; None where there is no driver."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        if getattr(error, "value", None) in (_NO_LIBRARY, _NO_DRIVER):
            return None
        return Listing(error=f"NVML: {error}")
    try:
        driver = known(_text(nvml.nvmlSystemGetDriverVersion()))
        gpus = [_gpu(nvml, index, driver) for index in range(nvml.nvmlDeviceGetCount())]
    except nvml.NVMLError as error:
        return Listing(error=f"NVML: {error}")
    finally:
        nvml.nvmlShutdown()
    return Listing(gpus=tuple(gpu for gpu in gpus if gpu))


def _gpu(nvml: Any, index: int, driver: str | None) -> NvidiaGpu | None:  # noqa: ANN401
    try:
        gpu = nvml.nvmlDeviceGetHandleByIndex(index)
        name = _text(nvml.nvmlDeviceGetName(gpu))
        uuid = _text(nvml.nvmlDeviceGetUUID(gpu))
        capability = nvml.nvmlDeviceGetCudaComputeCapability(gpu)
    except nvml.NVMLError:
        # The others are listed even if one fell off the bus.
        return None
    try:
        memory_mib = nvml.nvmlDeviceGetMemoryInfo(gpu).total // 1024**2
    except nvml.NVMLError:
        # GPUs that share the system's memory (GB10, Jetson) have none of their own to report.
        memory_mib = None
    return NvidiaGpu(
        index=index,
        name=name,
        uuid=known(uuid),
        driver_version=driver,
        memory_gb=round(memory_mib / 1024, 2) if memory_mib else None,
        compute_capability=tuple(capability),
        is_unified=memory_mib is None,
    )


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
