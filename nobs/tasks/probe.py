"""A matrix product of fixed size that shows how fast a device is; imports torch."""

import torch

from nobs.tasks.calibration import fastest, flop_of_product, make_product

ROWS = 1024
"""Rows and columns: 12 MiB in float32, 5 to 10 ms on a small CPU."""


class ProductProbe:
    """A square product of `ROWS` in float32 on `device`."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._product = make_product(ROWS, device, torch.float32)

    def flop_per_s(self) -> float:
        """Return the rate of the faster of two products."""
        return flop_of_product(ROWS) / fastest(self._product, self._device, least=2)
