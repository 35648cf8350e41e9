"""The memory that is free."""

import psutil

from nobs.system.host import memory_left_bytes


def free_memory() -> int:
    """Return the bytes that this process may still take, within the limit of its container."""
    free, left = psutil.virtual_memory().available, memory_left_bytes()
    return free if left is None else max(0, min(free, left))
