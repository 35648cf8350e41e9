"""The resident memory of this process: now, and its peak since a moment."""

import sys
from contextlib import suppress
from pathlib import Path

import psutil

_CLEAR = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")
_RESET_PEAK = "5"
"""See proc_pid_clear_refs(5)."""


def reset_peak() -> None:
    """Reset the peak, where the kernel can (Linux); elsewhere it is of the whole life."""
    with suppress(OSError):
        if sys.platform == "linux":
            _CLEAR.write_text(_RESET_PEAK)


def peak_rss_bytes() -> int:
    """Return the highest resident memory since `reset_peak`."""
    with suppress(OSError, StopIteration, ValueError, IndexError):
        lines = STATUS.read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024
    return life_peak_rss_bytes()


def life_peak_rss_bytes() -> int:
    """Return the highest resident memory of this process's whole life."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource  # noqa: PLC0415 - POSIX only

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
