"""Stands in for torch where many short runs are made: it imports in no time and knows one device.

What the runner computes is done on a single number; any other fact is its own name. LIGHT_TORCH_GPU
makes it a build for CUDA on a GPU: its properties as JSON.
"""

import json
import os
from types import SimpleNamespace
from typing import Any

__version__ = "0+light"
GPU = json.loads(os.environ.get("LIGHT_TORCH_GPU", "null"))


class Fact(str):
    """A setting or a function of torch that isn't here: its name, whatever is done with it."""

    __slots__ = ()

    def __getattr__(self, name: str) -> "Fact":
        if name.startswith("__"):
            raise AttributeError(name)
        return Fact(name)

    def __call__(self, *_: object) -> "Fact":
        return self


version = SimpleNamespace(cuda="13.0" if GPU else None, hip=None)
cuda = SimpleNamespace(
    is_available=lambda: GPU is not None,
    is_initialized=lambda: False,
    current_device=lambda: 0,
    device_count=lambda: 1,
    get_device_capability=lambda: (8, 6),
    get_device_properties=lambda _index: SimpleNamespace(**GPU),
    max_memory_allocated=lambda: 1,
    max_memory_reserved=lambda: 1,
    memory_allocated=lambda: 0,
)
backends = SimpleNamespace(
    mps=SimpleNamespace(is_built=lambda: False, is_available=lambda: False),
    cpu=Fact("cpu"),
    cuda=Fact("cuda"),
    cudnn=Fact("cudnn"),
)


class Generator:
    def manual_seed(self, _seed: int) -> "Generator":
        return self


class Number:
    def __init__(self, value: float, device: str = "cpu") -> None:
        self.value = value
        self.device = device

    def __matmul__(self, other: "Number") -> "Number":
        return Number(self.value * other.value, self.device)

    def __sub__(self, other: "Number") -> "Number":
        return Number(self.value - other.value)

    def __truediv__(self, other: "Number") -> "Number":
        return Number(self.value / other.value)

    def __float__(self) -> float:
        return self.value

    def to(self, device: str) -> "Number":
        return Number(self.value, "cuda:0" if device == "cuda" else device)

    def cpu(self) -> "Number":
        return Number(self.value)

    def abs(self) -> "Number":
        return Number(abs(self.value))

    def max(self) -> "Number":
        return self


def randn(*_shape: int, generator: Any = None) -> tuple[Number, Number]:
    del generator
    return Number(2.0), Number(3.0)


def __getattr__(name: str) -> Fact:
    if name.startswith("__"):
        raise AttributeError(name)
    return Fact(name)
