"""The strict base of every record, and the words that all of them share."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen record that refuses unknown fields, NaN and infinity."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        populate_by_name=True,
        defer_build=True,
    )


class Backend(StrEnum):
    """The hardware target."""

    CUDA = "cuda"
    ROCM = "rocm"
    MPS = "mps"
    CPU = "cpu"


class Execution(StrEnum):
    """Where a run happens."""

    CONTAINER = "container"
    NATIVE = "native"


class Dtype(StrEnum):
    """Number format of weights and arithmetic."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"


class Division(StrEnum):
    """Whether a result is of the pinned workload unchanged (closed) or not (open)."""

    CLOSED = "closed"
    OPEN = "open"
    LEGACY = "legacy"
    """Imported from an older report, which pinned nothing."""


class Status(StrEnum):
    """How a step ended; `lost` means that nobody could say why."""

    OK = "ok"
    FAILED = "failed"
    LOST = "lost"
