"""Stands in for torch where many short runs are made: it imports in no time and knows one device.

What the runner computes is done on a single number; any other fact is its own name. LIGHT_TORCH_GPU
makes it a build for CUDA on a GPU: its properties as JSON, `archs` that the build has code for,
`unavailable` where CUDA finds no GPU, and `error` for what an operation on it says.
"""

import json
import os
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

__version__ = "0+light"
GPU = json.loads(os.environ.get("LIGHT_TORCH_GPU", "null"))
_OF_GPU = GPU or {}
ERROR = _OF_GPU.pop("error", "")
IS_AVAILABLE = GPU is not None and not _OF_GPU.pop("unavailable", False)
ARCHS = _OF_GPU.pop("archs", "sm_90")


class Fact(str):
    """A setting or a function of torch that isn't here: its name, whatever is done with it."""

    __slots__ = ()

    def __getattr__(self, name: str) -> "Fact":
        if name.startswith("__"):
            raise AttributeError(name)
        return Fact(name)

    def __call__(self, *_: object) -> "Fact":
        return self


class CudaSettings(Fact):
    __slots__ = ()
    matmul = SimpleNamespace(allow_tf32=False)


version = SimpleNamespace(cuda="13.0" if GPU else None, hip=None)
cuda = SimpleNamespace(
    is_available=lambda: IS_AVAILABLE,
    is_initialized=lambda: False,
    current_device=lambda: 0,
    device_count=lambda: 1,
    get_device_capability=lambda: (8, 6),
    get_device_properties=lambda _index: SimpleNamespace(**GPU),
    max_memory_allocated=lambda: 1,
    max_memory_reserved=lambda: 1,
    memory_allocated=lambda: 0,
    synchronize=lambda: None,
)
_C = SimpleNamespace(_cuda_getArchFlags=lambda: ARCHS if GPU else "")
backends = SimpleNamespace(
    mps=SimpleNamespace(is_built=lambda: False, is_available=lambda: False),
    cpu=Fact("cpu"),
    cuda=CudaSettings("cuda"),
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
        if device == "cuda" and ERROR:
            raise RuntimeError(ERROR)
        return Number(self.value, "cuda:0" if device == "cuda" else device)

    def cpu(self) -> "Number":
        return Number(self.value)

    def abs(self) -> "Number":
        return Number(abs(self.value))

    def max(self) -> "Number":
        return self


class Pair(tuple[Number, Number]):
    __slots__ = ()

    def to(self, _dtype: object) -> "Pair":
        return self


def randn(*_shape: int, generator: Any = None, device: str = "cpu") -> Pair:
    del generator, device
    return Pair((Number(2.0), Number(3.0)))


class Block:
    """A matrix whose elements are all equal."""

    def __init__(self, rows: int, columns: int, element: float) -> None:
        self.rows = rows
        self.columns = columns
        self.element = element

    def copy_(self, _other: "Block") -> None:
        pass

    def matmul(self, other: "Block") -> "Block":
        return Block(self.rows, other.columns, self.columns * self.element * other.element)

    def sum(self) -> "Block":
        return Block(1, 1, self.rows * self.columns * self.element)

    def item(self) -> float:
        return self.element


def ones(*shape: int, **_how: object) -> Block:
    return Block(shape[0], shape[-1], 1.0)


zeros_like = empty = ones
inference_mode = nullcontext


def mm(_left: Number, _right: Number, out: object) -> object:
    return out


def __getattr__(name: str) -> Fact:
    if name.startswith("__"):
        raise AttributeError(name)
    return Fact(name)
