"""Stands in for torch where many short runs are made: it imports in no time and knows one device.

What the runner computes is done on a single number; any other fact is its own name.
"""

from types import SimpleNamespace
from typing import Any

__version__ = "0+light"


class Fact(str):
    """A setting or a function of torch that isn't here: its name, whatever is done with it."""

    __slots__ = ()

    def __getattr__(self, name: str) -> "Fact":
        if name.startswith("__"):
            raise AttributeError(name)
        return Fact(name)

    def __call__(self, *_: object) -> "Fact":
        return self


version = SimpleNamespace(cuda=None, hip=None)
cuda = SimpleNamespace(is_available=lambda: False, is_initialized=lambda: False)
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
    device = "cpu"

    def __init__(self, value: float) -> None:
        self.value = value

    def __matmul__(self, other: "Number") -> "Number":
        return Number(self.value * other.value)

    def __sub__(self, other: "Number") -> "Number":
        return Number(self.value - other.value)

    def __truediv__(self, other: "Number") -> "Number":
        return Number(self.value / other.value)

    def __float__(self) -> float:
        return self.value

    def to(self, _device: str) -> "Number":
        return self

    def cpu(self) -> "Number":
        return self

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
