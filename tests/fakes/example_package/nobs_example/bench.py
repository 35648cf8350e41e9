"""The heavy half of `example`: imported in the process of a step only."""

import json
import time
from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any

import torch
from nobs.log import get_logger
from nobs.tasks.base import Work
from nobs.tasks.calibration import wait_for

from .records import ExampleParams

SMALLEST = 8
log = get_logger()


class ExampleBench:
    """Multiply each matrix of the inputs by the model's."""

    def __init__(self, work: Work) -> None:
        if not isinstance(work.workload.params, ExampleParams):
            raise TypeError(f"{work.workload.label} has the parameters of another task")
        self.params = work.workload.params
        self.device = work.torch_device
        self.rows: tuple[tuple[int, ...], ...] = work.inputs
        self.values: list[int] = json.loads(
            work.model_path.joinpath(str(work.model.weights_file)).read_text()
        )
        self.left: list[torch.Tensor] = []
        self.right = torch.empty(0)
        self.products: list[torch.Tensor] = []
        self.trials: list[dict[str, float]] = []

    def load(self) -> None:
        """Put all matrices onto the device."""
        self.left = [_fill(row, self.params.matrix_size).to(self.device) for row in self.rows]
        self.right = _fill(self.values, self.params.matrix_size).to(self.device)

    def warm_up(self) -> None:
        """Multiply once: all products have one shape."""
        self.run()

    def run(self) -> int:
        """Multiply every matrix; return how many there are."""
        self.products = [matrix @ self.right for matrix in self.left]
        return len(self.products)

    def synchronize(self) -> None:
        """Wait for the device's queue."""
        wait_for(self.device)

    def measure_extra(self) -> None:
        """Time a product of each smaller size, for the chart."""
        size = SMALLEST
        while size <= self.params.matrix_size:
            left, right = (_fill(row, size).to(self.device) for row in (self.rows[0], self.values))
            torch.mm(left, right)
            self.synchronize()
            start = time.perf_counter()
            torch.mm(left, right)
            self.synchronize()
            seconds = time.perf_counter() - start
            self.trials.append({"matrix_size": size, "time_s": seconds})
            log.info(
                "part.finished", part=f"size {size}", duration_s=seconds, units=1, unit="products"
            )
            size *= 2

    def facts(self) -> dict[str, Any]:
        """Return the sums of the last products, and what they are in exact arithmetic."""
        if self.params.spoil:
            self.products[0][0, 0] += 1
        size = self.products[0].shape[0]
        weights = [sum(row) for row in _table(self.values, size)]
        return {
            "matrix_size": size,
            "checksums": [float(product.cpu().double().sum()) for product in self.products],
            "expected_checksums": [float(_exact_sum(row, weights)) for row in self.rows],
            "scaling": self.trials,
        }

    def close(self) -> None:
        """Drop all matrices."""
        self.left, self.products, self.right = [], [], torch.empty(0)


def _table(values: Sequence[int], size: int) -> list[list[int]]:
    """Return a square of `size` rows, filled with `values` again and again."""
    endless = cycle(values)
    return [list(islice(endless, size)) for _ in range(size)]


def _fill(values: Sequence[int], size: int) -> torch.Tensor:
    return torch.tensor(_table(values, size), dtype=torch.float32)


def _exact_sum(values: Sequence[int], weights: Sequence[int]) -> int:
    """Return the sum of a product: sums of columns at the left times sums of rows at the right."""
    columns = [sum(column) for column in zip(*_table(values, len(weights)), strict=True)]
    return sum(column * weight for column, weight in zip(columns, weights, strict=True))
