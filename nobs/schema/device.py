"""The device under measurement, as reports have always named it."""

from pydantic import Field

from nobs.schema.base import Record
from nobs.schema.enums import Backend

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


class DeviceRef(Record):
    """One device of several, as `--device` chose it."""

    name: str
    """`cuda:1`, or `cpu:0-3` for cores of the processor: its key among the devices of a machine."""
    index: int | None = None
    """Its number, as `nvidia-smi -L` and ROCm count; null for a slice of a GPU and for cores."""
    model: str | None = None
    """As its driver names it; null for cores."""
    uuid: str | None = None
    """As in `GPU-8f3c...`; null where the driver gives none."""
    pci: str | None = None
    """Address on the PCI bus, as in `0000:c1:00.0`; null until it has computed, and for cores."""
    cores: tuple[int, ...] = ()
    """The cores that the run's processes may use; empty for a GPU."""
    variables: dict[str, str] = Field(default_factory=dict)
    """Environment that hides all other devices from the run's processes."""
