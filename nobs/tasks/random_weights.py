"""Random weights from a seed, the same on every device, and the memory that they need."""

import hashlib
import math
from collections.abc import Iterable

import torch

from nobs.data.architectures import architecture_of
from nobs.errors import NobsError
from nobs.schema.enums import Dtype
from nobs.schema.pins import ModelPin
from nobs.tasks.room import check_room
from nobs.units import format_bytes

TABLE_STD = 0.02
"""Standard deviation of embedding tables, as in BERT."""


def check_memory(pin: ModelPin, dtype: Dtype, torch_device: str) -> None:
    """Raise RequirementError if the weights alone exceed the free memory; call before building.

    They are made in the machine's memory, then moved to the device.
    """
    needed = architecture_of(pin).parameters * getattr(torch, dtype).itemsize
    check_room(
        f"The random weights of {pin.id} take {format_bytes(needed)} in {dtype}",
        needed,
        torch_device,
    )


def check_parameters(pin: ModelPin, modules: Iterable[torch.nn.Module]) -> None:
    """Raise NobsError unless the modules together have as many weights as the catalogue says."""
    weights = {id(p): p.numel() for module in modules for p in module.parameters()}
    built, described = sum(weights.values()), architecture_of(pin).parameters
    if built != described:
        raise NobsError(
            f"{pin.id} was built with {built} weights; the catalogue describes {described}.",
            "Correct its architecture in the catalogue. If the catalogue is NOBS's own, a library "
            "has changed the architecture: please report it.",
        )


def initialise(module: torch.nn.Module, seed: int) -> None:
    """Overwrite the weights of `module` in place with values that depend on seed and name only.

    Matrices keep the variance of what they multiply, norms are neutral: activations stay finite in
    float16, too.
    """
    tables = {
        id(part.weight)
        for part in module.modules()
        if isinstance(part, torch.nn.Embedding | torch.nn.EmbeddingBag)
    }
    with torch.no_grad():
        for name, weights in module.named_parameters():
            if weights.ndim < 2:
                weights.fill_(0.0 if name.endswith("bias") else 1.0)
                continue
            fan_in = weights[0].numel()
            bound = TABLE_STD * math.sqrt(3) if id(weights) in tables else 1 / math.sqrt(fan_in)
            weights.copy_(_uniform(weights.shape, bound, f"{seed} {name}"))


def _uniform(shape: torch.Size, bound: float, key: str) -> torch.Tensor:
    """Return values in -bound to bound; on the CPU, whose generator is the same everywhere."""
    digest = hashlib.sha256(key.encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    return torch.empty(shape, dtype=torch.float32).uniform_(-bound, bound, generator=generator)
