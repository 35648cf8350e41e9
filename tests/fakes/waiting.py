"""Bounded waits for what another thread or process does."""

import time
from collections.abc import Callable

import psutil


def wait_for[T](look: Callable[[], T], seconds: float = 120.0) -> T:
    """Return the first truthy value of `look`, asked every 10 ms; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"nothing came in {seconds} s"
        time.sleep(0.01)
    return found


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone, or has only not been waited for."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
