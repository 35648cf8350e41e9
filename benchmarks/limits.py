"""What a calibration costs, and how well it repeats on this device."""

import argparse
from statistics import median

from nobs.runner.environment import torch_device
from nobs.schema.enums import Backend, Dtype
from nobs.schema.result import Calibration
from nobs.tasks.calibration import calibrate


def spread(values: list[float]) -> str:
    """Return the median and how far the extremes are from it."""
    middle = median(values)
    return f"{middle:10.4g} ({min(values) / middle - 1:+.1%} to {max(values) / middle - 1:+.1%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", type=Backend, default=Backend.CPU)
    parser.add_argument("-n", "--rounds", type=int, default=10)
    words = parser.parse_args()
    device = torch_device(words.backend)
    for dtype in (Dtype.FLOAT32, Dtype.BFLOAT16):
        first = calibrate(device, dtype)
        seen: list[Calibration] = [calibrate(device, dtype, first) for _ in range(words.rounds)]
        print(f"{dtype}, product of {first.matmul_size} rows, {words.rounds} calibrations")
        print(f"  duration, s    {spread([found.duration_s for found in seen])}")
        print(f"  product, FLOP/s{spread([found.matmul_flop_per_s for found in seen])}")
        print(f"  copy, bytes/s  {spread([found.copy_bytes_per_s for found in seen])}")


if __name__ == "__main__":
    main()
