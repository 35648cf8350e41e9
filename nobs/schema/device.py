"""The device under measurement, as reports have always named it."""

from nobs.schema.base import Backend, Record

SHARED_MEMORY = "shared with system RAM"


class DeviceInfo(Record):
    """The seven fields of `device_info`; None where the machine does not tell."""

    platform: str
    """`platform.system()`: Linux, Darwin or Windows."""
    device: Backend
    """The backend that a run on this machine uses."""
    ram_gb: float
    """Installed memory in GiB, rounded to 0.01."""
    processor: str
    """Model and core count, as in `Apple M4 Max (14)`."""
    gpu_name: str | None
    """Model, as in `NVIDIA H200` or `Apple M4 Max (32 cores)`; None without a GPU."""
    gpu_memory_gb: float | str | None
    """GiB of the GPU's own memory, or `shared with system RAM`; None without a GPU."""
    host: str
    """Make and model of the machine, as in `Mac16,6`; not its network name."""
