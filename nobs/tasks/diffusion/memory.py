"""The memory that the weights of a pipeline need."""

import json
import math
from pathlib import Path

import torch

from nobs.schema.enums import Dtype
from nobs.tasks.diffusion.layout import weights_of


def weights_bytes(directory: Path, variant: str, dtype: Dtype, vae_dtype: Dtype) -> int:
    """Return the bytes of the weights of a variant once they are loaded."""
    names = weights_of(directory, variant)
    return sum(
        _count(directory / name)
        * getattr(torch, vae_dtype if name.startswith("vae/") else dtype).itemsize
        for name in names
    )


def _count(path: Path) -> int:
    """Return the number of values in a safetensors file, from its header."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    shapes = (value["shape"] for key, value in header.items() if key != "__metadata__")
    return sum(map(math.prod, shapes))
