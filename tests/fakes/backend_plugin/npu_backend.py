"""A third party's backend: hardware that torch reaches by a device of its own (here the CPU's)."""

from dataclasses import dataclass
from typing import Any

from nobs.backends.base import BackendTarget


@dataclass(frozen=True, kw_only=True)
class Npu(BackendTarget):
    name: str = "npu"
    torch_device: str = "cpu"

    def describe_device(self, torch: Any) -> dict[str, Any]:
        return {"device_name": "A stand-in NPU", "memory_bytes": 8 << 30}


TARGET = Npu()
