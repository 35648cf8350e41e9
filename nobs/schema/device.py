"""The device under measurement, as reports have always named it."""

from nobs.schema.base import Backend, Record

SHARED_MEMORY = "shared with system RAM"


class DeviceInfo(Record):
    """The measured device and its machine; null where the machine does not report a value."""

    platform: str
    """`Linux`, `Darwin` or `Windows`."""
    device: Backend
    """Backend of the run; that of a third party by its name."""
    ram_gb: float
    """Installed memory in GiB, rounded to 0.01."""
    processor: str
    """Model and core count, as in `Apple M4 Max (14)`."""
    gpu_name: str | None
    """Model, as in `NVIDIA H200` or `Apple M4 Max (32 cores)`; null without a GPU. Of a slice, the
    slice: `NVIDIA A100-SXM4-80GB MIG 3g.40gb`. A run on the CPU names the machine's GPU too."""
    gpu_memory_gb: float | str | None
    """GiB of the GPU's (or its slice's) own memory, or `shared with system RAM`, with the part set
    aside for the GPU where the machine reports it; null without a GPU."""
    host: str
    """Make and model of the machine, as in `Mac16,6`; not its network name."""
