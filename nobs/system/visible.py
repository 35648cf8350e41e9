"""Variables that choose devices, read as the drivers read them.

CUDA: https://docs.nvidia.com/cuda/cuda-programming-guide/05-appendices/environment-variables.html,
ROCm: https://rocm.docs.amd.com/en/latest/conceptual/gpu-isolation.html.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

CUDA_VARIABLE = "CUDA_VISIBLE_DEVICES"
_ROCR_VARIABLE = "ROCR_VISIBLE_DEVICES"
_HIP_VARIABLES = ("HIP_VISIBLE_DEVICES", CUDA_VARIABLE)
"""The first that is set counts."""
_CUDA_ORDER = "CUDA_DEVICE_ORDER"
VARIABLES = (CUDA_VARIABLE, _CUDA_ORDER, _HIP_VARIABLES[0], _ROCR_VARIABLE)

_INDEX = re.compile(r"[+]?[0-9]+")
_NOTHING = re.compile(r"|-[0-9]+|no|none|void|NoDevFiles", re.IGNORECASE)
"""The last is what Slurm writes for a job without a GPU."""
_UUID = re.compile(r"(GPU|MIG)-", re.IGNORECASE)


class Addressed(Protocol):
    """A device that a variable can name."""

    @property
    def uuid(self) -> str | None:
        """As in `GPU-8f3c...`."""


def cuda_choices(variables: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the variable that chooses among CUDA's devices and its value, if it is set."""
    return [(name, variables[name]) for name in (CUDA_VARIABLE,) if name in variables]


def hip_choices(variables: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the variables that choose among HIP's devices; the later one chooses last."""
    hip = [name for name in _HIP_VARIABLES if name in variables][:1]
    return [(name, variables[name]) for name in (_ROCR_VARIABLE, *hip) if name in variables]


def orders_by_bus(variables: Mapping[str, str]) -> bool:
    """Return whether CUDA numbers devices by their place on the bus, not the fastest first."""
    return variables.get(_CUDA_ORDER, "").strip() == "PCI_BUS_ID"


def names_by_uuid(value: str) -> bool:
    """Return whether a list begins with a UUID, which means the same in every order."""
    return _UUID.match(value.strip()) is not None


def hides_all(value: str) -> bool:
    """Return whether a list hides every device on purpose, as ``""`` and ``-1`` do."""
    return _NOTHING.fullmatch(value.partition(",")[0].strip()) is not None


def pick[T: Addressed](value: str, numbered: Sequence[T], named: Sequence[T]) -> tuple[T, ...]:
    """Return the devices of a list: indices count in `numbered`, UUIDs may be any of `named`.

    The list ends before its first entry that is no device; one with a device twice shows none.
    """
    chosen: list[T] = []
    for entry in value.split(","):
        device = _find(entry.strip(), numbered, named)
        if device is None:
            break
        if device in chosen:
            return ()
        chosen.append(device)
    return tuple(chosen)


def _find[T: Addressed](entry: str, numbered: Sequence[T], named: Sequence[T]) -> T | None:
    if found := _INDEX.match(entry):
        index = int(found[0])
        return numbered[index] if index < len(numbered) else None
    if not _UUID.match(entry):
        return None
    # The beginning of a UUID is enough if it is one device's only.
    wanted = entry.lower()
    matching = [device for device in named if (device.uuid or "").lower().startswith(wanted)]
    return matching[0] if len(matching) == 1 else None
