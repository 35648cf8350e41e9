"""Memory of models: freeing it, and the peaks of a step."""

import gc
import sys
from typing import Any

from nobs.schema.result import Memory
from nobs.system.peak import life_peak_rss_bytes


def clear_memory() -> None:
    """Free memory of a dropped model in Python and in the device's allocator."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.ipc_collect()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


def read_peaks(torch_device: str) -> Memory:
    """Return this process's peak resident memory and its allocator's peaks on the device."""
    torch = sys.modules.get("torch")
    device: dict[str, Any] = {}
    if torch is not None and torch_device == "cuda":
        device = {
            "device_peak_allocated_bytes": torch.cuda.max_memory_allocated(),
            "device_peak_reserved_bytes": torch.cuda.max_memory_reserved(),
        }
    return Memory(peak_rss_bytes=life_peak_rss_bytes(), **device)


def leave_out(before: Memory, during: Memory, after: Memory) -> Memory:
    """Return the peaks of the work without those of another phase, which reached `during`.

    Peaks only rise: one that is the same after that phase wasn't reached by the work.
    """

    def of_the_work(name: str) -> int | None:
        reached: int | None = getattr(after, name)
        return getattr(before, name) if reached == getattr(during, name) else reached

    return Memory(**{name: of_the_work(name) for name in Memory.model_fields})


def read_allocated(torch_device: str) -> int | None:
    """Return the bytes that tensors hold on the device now; None for the CPU."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    match torch_device:
        case "cuda":
            return int(torch.cuda.memory_allocated())
        case "mps":
            return int(torch.mps.current_allocated_memory())
        case _:
            return None
