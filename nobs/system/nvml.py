"""NVIDIA GPUs through NVML, for machines with the driver's library but without nvidia-smi."""

from typing import Any


def load() -> Any:  # noqa: ANN401  pynvml has no types
    """Import pynvml (extra `bench`); None without it."""
    try:
        import pynvml  # noqa: PLC0415  optional: the launcher runs without it
    except ImportError:
        return None
    return pynvml


def query_table(nvml: Any) -> str | None:  # noqa: ANN401  pynvml has no types
    """Return one csv line per GPU: index, name, uuid, driver, memory in MiB, capability."""
    if nvml is None:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    try:
        driver = _text(nvml.nvmlSystemGetDriverVersion())
        lines = [_line(nvml, index, driver) for index in range(nvml.nvmlDeviceGetCount())]
    except nvml.NVMLError:
        return None
    finally:
        nvml.nvmlShutdown()
    return "\n".join(line for line in lines if line)


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
