"""The memory of this process by device: now, and its peak since then."""

import torch

from nobs.system.peak import peak_rss_bytes
from nobs.tasks.calibration import wait_for
from nobs.tasks.fit.child import host_bytes


def memory_now(device: str) -> int:
    """Return what torch reserved on the device, what an Apple GPU's driver holds, or the RSS."""
    match device:
        case "cuda":
            return int(torch.cuda.memory_reserved())
        case "mps":
            return int(torch.mps.driver_allocated_memory())
    return host_bytes()


def watch_peak(device: str) -> None:
    """Measure the peak from now on."""
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    host_bytes()


def peak_since(device: str) -> int:
    """Return the peak since `watch_peak`; of an Apple GPU, what the driver holds now."""
    wait_for(device)
    if device == "cuda":
        return int(torch.cuda.max_memory_reserved())
    return memory_now(device) if device == "mps" else peak_rss_bytes()
