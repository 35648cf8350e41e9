"""Whether the device that computed is the one that `device_info` describes."""

import re

from nobs.schema.device import SHARED_MEMORY, DeviceInfo
from nobs.schema.enums import Backend
from nobs.schema.result import DeviceCheck
from nobs.system.gpus import GIB

# The driver reserves a few per cent, and of a MIG instance only the profile is planned: 1g.18gb
# has 16 GiB. Cards of one name that differ (RTX 3080 with 10 and 12 GiB) differ by more.
_MEMORY_SLACK = 0.15
_NOISE = re.compile(r"\s*\(.*?\)|\b(nvidia|amd|graphics)\b|[^a-z0-9]+")
_MODEL = re.compile(r"[a-z0-9]*[0-9][a-z0-9]*")


def find_difference(info: DeviceInfo, check: DeviceCheck) -> str | None:
    """Return how the GPU of a check differs from that of `info`; None if it doesn't."""
    if info.device not in (Backend.CUDA, Backend.ROCM):
        return None
    if not _same_name(info, check.device_name):
        return f"{check.device_name} instead of {info.gpu_name}"
    size = info.gpu_memory_gb
    if size is None or check.memory_bytes is None:
        return None
    if isinstance(size, str) or check.is_unified:
        is_same = check.is_unified is None or isinstance(size, str) == check.is_unified
    else:
        is_same = abs(size - check.memory_bytes / GIB) <= _MEMORY_SLACK * size
    if is_same:
        return None
    seen = SHARED_MEMORY if check.is_unified else f"{check.memory_bytes / GIB:.2f} GiB"
    described = size if isinstance(size, str) else f"{size:g} GiB"
    return f"{seen} of memory instead of {described}"


def describe_computing(info: DeviceInfo, check: DeviceCheck) -> DeviceInfo:
    """Return `info` with the GPU that computed."""
    size = None if check.memory_bytes is None else round(check.memory_bytes / GIB, 2)
    return info.model_copy(
        update={
            "gpu_name": check.device_name,
            "gpu_memory_gb": SHARED_MEMORY if check.is_unified else size,
        }
    )


def same_gpu_name(one: str, other: str) -> bool:
    """Return whether two names of a driver mean the same model."""
    return _bare(one) == _bare(other)


def _same_name(info: DeviceInfo, name: str) -> bool:
    if info.gpu_name is None:
        return False
    if same_gpu_name(info.gpu_name, name):
        return True
    # AMD's names come from a board, a list or ROCm in different forms: compare model numbers.
    one, other = (set(_MODEL.findall(_bare(each))) for each in (info.gpu_name, name))
    return info.device is Backend.ROCM and (not one or not other or bool(one & other))


def _bare(name: str) -> str:
    return " ".join(_NOISE.sub(" ", name.lower()).split())
