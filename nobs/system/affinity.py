"""The cores that a process may use."""

import os
import sys
from collections.abc import Collection


def allowed_cores() -> frozenset[int]:
    """Return the cores that this process may use; none where the system can't say."""
    return frozenset(os.sched_getaffinity(0) if sys.platform == "linux" else ())


def pin_to(cores: Collection[int]) -> None:
    """Confine this process, and those that it starts, to `cores`; none means all.

    OSError if one of them can't be used.
    """
    if cores and sys.platform == "linux":
        os.sched_setaffinity(0, cores)
