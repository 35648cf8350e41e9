"""Pictures of no model, and a reference that they agree with."""

import base64
from collections.abc import Mapping

import numpy as np

from nobs.tasks.diffusion.correctness import Floats, Pictures, average, pack_images
from nobs.tasks.diffusion.params import Recipe
from nobs.tasks.diffusion.references import Reference

RECIPE = Recipe(width=32, height=32, steps=20, guidance=3.0)
MODEL = "example/painter"
WEIGHTS: Mapping[str, str] = {"unet/weights.safetensors": "0" * 64}


def make_pictures(count: int = 3, **changes: Floats) -> Pictures:
    """Return `count` pictures of noise; `changes` replace latents or images."""
    rng = np.random.default_rng(7)
    values = {
        "latents": rng.normal(size=(count, 4, 8, 8)).astype(np.float32),
        "images": rng.random((count, 32, 32, 3), dtype=np.float32),
    }
    return Pictures(
        prompts=tuple(f"prompt {number}" for number in range(count)),
        starts=tuple(f"{number:064x}" for number in range(count)),
        **(values | changes),
    )


def reference_of(pictures: Pictures, block: int = 1) -> Reference:
    """Return `pictures` as a reference, with images averaged over blocks."""
    return Reference(
        model=MODEL, revision=None, weights=WEIGHTS, recipe=RECIPE, made_with={}, block=block,
        prompts=pictures.prompts, starts=pictures.starts, latent_shape=(4, 8, 8),
        latents=_encode(pictures.latents.astype("<f4").tobytes()),
        images=_encode(pack_images(average(pictures.images, block))),
    )  # fmt: skip


def _encode(values: bytes) -> bytes:
    return base64.b64encode(values)
