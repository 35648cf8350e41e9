"""NVIDIA GPUs through NVML, for machines with the driver's library but without nvidia-smi."""

import threading
from typing import Any

from nobs.system.answer import NOTICE_S, Answer, tell_waiting

_NO_LIBRARY, _NO_DRIVER = 12, 9
"""Errors of a machine without NVIDIA's driver, which say nothing of a GPU."""


def load() -> Any:  # noqa: ANN401  pynvml has no types
    """Import pynvml (extra `bench`); None without it."""
    try:
        import pynvml  # noqa: PLC0415  optional: the launcher runs without it
    except ImportError:
        return None
    return pynvml


def ask(timeout_s: float) -> Answer | None:
    """Return the table of `query_table`; a driver that hangs is given up after `timeout_s`."""
    library, answers = load(), list[Answer | None]()
    if library is None:
        return None
    # A call into a driver that hangs can't be interrupted: its thread is left behind.
    thread = threading.Thread(target=lambda: answers.append(query_table(library)), daemon=True)
    thread.start()
    thread.join(min(NOTICE_S, timeout_s))
    if thread.is_alive():
        tell_waiting("NVML", timeout_s)
        thread.join(timeout_s - NOTICE_S)
    return answers[0] if answers else Answer()


def query_table(nvml: Any) -> Answer | None:  # noqa: ANN401  pynvml has no types
    """Return one csv line per GPU: index, name, uuid, driver, memory in MiB, capability.

    None where there is no driver.
    """
    if nvml is None:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        if getattr(error, "value", None) in (_NO_LIBRARY, _NO_DRIVER):
            return None
        return Answer(stderr=f"NVML: {error}", exit_code=1)
    try:
        driver = _text(nvml.nvmlSystemGetDriverVersion())
        lines = [_line(nvml, index, driver) for index in range(nvml.nvmlDeviceGetCount())]
    except nvml.NVMLError as error:
        return Answer(stderr=f"NVML: {error}", exit_code=1)
    finally:
        nvml.nvmlShutdown()
    return Answer(stdout="\n".join(line for line in lines if line), exit_code=0)


def _line(nvml: Any, index: int, driver: str) -> str | None:  # noqa: ANN401  pynvml has no types
    try:
        gpu = nvml.nvmlDeviceGetHandleByIndex(index)
        major, minor = nvml.nvmlDeviceGetCudaComputeCapability(gpu)
        names = _text(nvml.nvmlDeviceGetName(gpu)), _text(nvml.nvmlDeviceGetUUID(gpu))
    except nvml.NVMLError:
        # One GPU that fell off the bus doesn't hide the others.
        return None
    return ", ".join((str(index), *names, driver, _memory_mib(nvml, gpu), f"{major}.{minor}"))


def _memory_mib(nvml: Any, gpu: object) -> str:  # noqa: ANN401  pynvml has no types
    try:
        return str(nvml.nvmlDeviceGetMemoryInfo(gpu).total // 1024**2)
    except nvml.NVMLError:
        # GPUs that share the system's memory (GB10, Jetson) have none of their own to tell.
        return "[N/A]"


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
