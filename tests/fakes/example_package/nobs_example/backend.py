"""Hardware that torch reaches by a device of its own; here a stand-in on the CPU."""

from dataclasses import dataclass
from typing import Any

from nobs.backends.base import BackendTarget


@dataclass(frozen=True, kw_only=True)
class Npu(BackendTarget):
    """The stand-in."""

    name: str = "npu"
    torch_device: str = "cpu"

    def describe_device(self, torch: Any) -> dict[str, Any]:
        """Name the device, as its driver would."""
        del torch
        return {"device_name": "A stand-in NPU", "memory_bytes": 8 << 30}


TARGET = Npu()
