"""Measured peaks of a device: a matrix product and a memory copy; imports torch.

Measured with the dtype and TF32 setting of the work, so no table of devices is needed, and a drop
over a run shows throttling.
"""

import gc
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from nobs.schema.enums import Dtype
from nobs.schema.result import Calibration

SIZES = (512, 1024, 2048, 4096, 8192)
LONG_ENOUGH_S = 0.01
"""A product that takes this long saturates the device."""
MAX_COPY_BYTES = 256 * 1024**2
MIN_COPY_BYTES = 32 * 1024**2
MOST_REPEATS = 10_000
LAST_CACHE = Path("/sys/devices/system/cpu/cpu0/cache/index3/size")


def calibrate(
    device: str,
    dtype: Dtype,
    like: Calibration | None = None,
    time_copies: Callable[[str, int, float], float] | None = None,
) -> Calibration:
    """Return the fastest product and copy; takes about 0.15 s on a CPU, 0.3 s elsewhere.

    Sizes are those of `like`, an earlier calibration, so that both can be compared. `time_copies`
    replaces the clock of the copy: the seconds for a device, a size and a budget.
    """
    budget_s = 0.1 if device == "cpu" else 0.3
    start = time.perf_counter()
    sizes = (like.matmul_size,) if like else SIZES
    size, product_s = _time_products(device, getattr(torch, dtype), sizes, budget_s * 2 / 3)
    size_bytes = like.copy_bytes if like else _copy_bytes(device)
    copy_s = (time_copies or _time_copies)(device, size_bytes, budget_s / 3)
    return Calibration(
        dtype=dtype,
        tf32=uses_tf32(device, dtype),
        matmul_size=size,
        matmul_flop_per_s=flop_of_product(size) / product_s,
        copy_bytes=size_bytes,
        copy_bytes_per_s=2 * size_bytes / copy_s,
        duration_s=time.perf_counter() - start,
    )


def uses_tf32(device: str, dtype: Dtype) -> bool:
    """Return whether float32 products are rounded to TF32 on this device as torch is set."""
    wanted = device == "cuda" and dtype is Dtype.FLOAT32 and torch.version.cuda is not None
    return wanted and torch.backends.cuda.matmul.allow_tf32


def flop_of_product(size: int) -> int:
    """Return the FLOPs of a product of two square matrices; a multiply-add is two."""
    return 2 * size**3


def wait_for(device: str) -> None:
    """Wait for the device's queue."""
    match device:
        case "cuda":
            torch.cuda.synchronize()
        case "mps":
            torch.mps.synchronize()


def free_memory(device: str) -> None:
    """Free what no model needs any more, also what the device's allocator caches."""
    gc.collect()
    match device:
        case "cuda":
            torch.cuda.empty_cache()
        case "mps":
            torch.mps.empty_cache()


def _time_products(
    device: str, dtype: torch.dtype, sizes: Sequence[int], budget_s: float
) -> tuple[int, float]:
    """Return the size that keeps the device busy and the seconds of its fastest product."""
    deadline = time.perf_counter() + budget_s
    with torch.inference_mode():
        for size in sizes:
            product = make_product(size, device, dtype)
            seconds = fastest(product, device, least=2)
            if seconds >= LONG_ENOUGH_S or time.perf_counter() >= deadline:
                break
        return size, min(seconds, fastest(product, device, deadline))


def make_product(size: int, device: str, dtype: torch.dtype) -> Callable[[], object]:
    """Return the product of two square random matrices of `size` rows, to be timed."""
    left, right = torch.randn(2, size, size, device=device).to(dtype)
    out = torch.empty(size, size, device=device, dtype=dtype)
    return lambda: torch.mm(left, right, out=out)


def _time_copies(device: str, size_bytes: int, budget_s: float) -> float:
    source = torch.ones(size_bytes, dtype=torch.uint8, device=device)
    target = torch.zeros_like(source)
    deadline = time.perf_counter() + budget_s
    return fastest(lambda: target.copy_(source), device, deadline, least=2)


def fastest(
    work: Callable[[], object],
    device: str,
    deadline: float = 0.0,
    *,
    least: int = 0,
) -> float:
    """Return the seconds of the fastest repeat: `least`, then more until the deadline, if any."""
    best = float("inf")
    for number in range(MOST_REPEATS):
        if number >= least and time.perf_counter() >= deadline:
            break
        wait_for(device)
        start = time.perf_counter()
        work()
        wait_for(device)
        best = min(best, time.perf_counter() - start)
    return best


def _copy_bytes(device: str) -> int:
    """Return twice the last cache of a CPU, within bounds; accelerators copy the most."""
    if device != "cpu":
        return MAX_COPY_BYTES
    return min(MAX_COPY_BYTES, max(MIN_COPY_BYTES, 2 * _last_cache_bytes()))


def _last_cache_bytes() -> int:
    """Return the size of the first core's last cache as Linux reports it; 0 where unknown."""
    try:
        return int(LAST_CACHE.read_text(encoding="ascii").removesuffix("K\n")) * 1024
    except (OSError, ValueError):
        return 0
