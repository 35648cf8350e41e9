"""Enumerations that records, options and messages share."""

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

BACKEND_NAME = "[a-z][a-z0-9-]{0,30}"


class Backend(StrEnum):
    """The hardware target: built in, or a third party's by its name."""

    CUDA = "cuda"
    ROCM = "rocm"
    MPS = "mps"
    CPU = "cpu"

    @classmethod
    def _missing_(cls, value: object) -> "Backend | None":
        """Accept the name of a third party's backend as an additional member."""
        if not isinstance(value, str) or not re.fullmatch(BACKEND_NAME, value):
            return None
        member = str.__new__(cls, value)
        member._name_, member._value_ = value.upper(), value
        return cls._value2member_map_.setdefault(value, member)  # type: ignore[return-value]

    @property
    def is_builtin(self) -> bool:
        """Whether NOBS itself supports and detects the hardware."""
        return self.name in type(self).__members__

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: "CoreSchema", handler: "GetJsonSchemaHandler"
    ) -> dict[str, Any]:
        """Allow any name in the JSON Schema: third parties add backends."""
        described = handler(schema)
        del described["enum"]
        return described | {"pattern": f"^{BACKEND_NAME}$", "examples": [*cls]}


class Execution(StrEnum):
    """Where a run happens."""

    CONTAINER = "container"
    NATIVE = "native"


class Dtype(StrEnum):
    """Number format of weights and computation."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"


class Division(StrEnum):
    """Whether a result is comparable."""

    CLOSED = "closed"
    """Exactly the pinned workload: comparable."""
    OPEN = "open"
    """Anything pinned was changed, see `open_reasons`."""
    LEGACY = "legacy"
    """Imported from an older report, which pinned nothing; never ranked with others."""


class Status(StrEnum):
    """How a step ended."""

    OK = "ok"
    """Everything was measured."""
    FAILED = "failed"
    """It ended with an error, see `failure`."""
    LOST = "lost"
    """It ended without a result and without a recorded error."""
