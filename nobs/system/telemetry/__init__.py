"""Sensors of GPUs, processors and the machine; a new reader is a module and a line here."""

from collections.abc import Callable
from itertools import chain

from nobs.registry import Registry
from nobs.system.telemetry.reader import Reader, Target

Find = Callable[[Target], list[Reader]]
"""Returns the readers for `target`; one of a device that can't be read says why."""

READERS: Registry[Find] = Registry(
    "telemetry reader",
    {
        "nvidia": "nobs.system.telemetry.nvidia:find",
        "amd": "nobs.system.telemetry.amd:find",
        "apple": "nobs.system.telemetry.apple:find",
        "cpu": "nobs.system.telemetry.cpu:find",
        "system": "nobs.system.telemetry.memory:find",
    },
    group="nobs.telemetry",
)


def find_readers(target: Target) -> list[Reader]:
    """Return the readers for the devices of a step."""
    return list(chain.from_iterable(READERS.load(name)(target) for name in READERS))
