"""Measure whether pictures are right; `checks.py` judges."""

import zlib
from dataclasses import dataclass

import numpy as np

from nobs.schema.enums import Dtype
from nobs.tasks.diffusion.checks import PictureCheck, find_gate
from nobs.tasks.diffusion.references import Reference

type Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
type Doubles = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

FLAT = 2 / 255
"""Largest difference between two pixels of a channel in an image of one colour."""
BLACK = 4 / 255
"""Brightest pixel of a black image."""
MOST_DB = 120.0
"""PSNR of images without a difference that 16 bits would show."""
_SCALE = np.float32(2**16 - 1)


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """What one timed pass made, in order."""

    prompts: tuple[str, ...]
    starts: tuple[str, ...]
    """sha256 of each image's first latents: float32, little-endian, one image."""
    latents: Floats
    """(n, channels, height, width): what the denoiser left, as the pipeline scales it."""
    images: Floats
    """(n, height, width, 3), 0 to 1, not rounded to 8 bits."""


def check_pictures(pictures: Pictures, reference: Reference | None, dtype: Dtype) -> PictureCheck:
    """Return what is measured; `dtype` is the denoiser's.

    An image is compared if the reference has its prompt and first latents. Grey values would miss
    swapped channels, latents a broken decoder, and a mean over the images a single bad one.
    """
    count = len(pictures.prompts)
    images = pictures.images.reshape(count, -1, 3)
    finite = np.isfinite(images).all((1, 2)) & np.isfinite(pictures.latents).all((1, 2, 3))
    spread = np.where(finite, np.ptp(images, axis=1).max(-1), np.inf)
    brightest = np.where(finite, images.max((1, 2)), np.inf)
    pairs = _find_pairs(pictures, reference, finite) if reference else []
    gate = find_gate(reference.model, reference.recipe, dtype) if reference and pairs else None
    cosines: Doubles = np.empty(0)
    psnrs: Doubles = np.empty(0)
    if reference and pairs:
        mine, theirs = (list(side) for side in zip(*pairs, strict=True))
        cosines = cosines_of(pictures.latents[mine], latents_of(reference)[theirs])
        averaged = average(pictures.images[mine], reference.block)
        psnrs = psnrs_of(averaged, images_of(reference)[theirs])
    return PictureCheck(
        images=count,
        not_finite=int((~finite).sum()),
        flat=int((spread <= FLAT).sum()),
        black=int((brightest <= BLACK).sum()),
        compared=len(pairs),
        lowest_latent_cosine=float(cosines.min()) if pairs else None,
        lowest_psnr_db=float(psnrs.min()) if pairs else None,
        least_latent_cosine=gate.least_latent_cosine if gate else None,
        least_psnr_db=gate.least_psnr_db if gate else None,
        recognition=None,
    )


def _find_pairs(
    pictures: Pictures, reference: Reference, finite: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> list[tuple[int, int]]:
    """Return the numbers of each finite image and of its reference."""
    known = {
        key: place
        for place, key in enumerate(zip(reference.prompts, reference.starts, strict=True))
    }
    keys = enumerate(zip(pictures.prompts, pictures.starts, strict=True))
    return [(number, known[key]) for number, key in keys if key in known and finite[number]]


def latents_of(reference: Reference) -> Floats:
    """Return the final latents of all images of `reference`."""
    values = np.frombuffer(reference.latents, dtype="<f4")
    return values.reshape(-1, *reference.latent_shape).astype(np.float32)


def images_of(reference: Reference) -> Floats:
    """Return all images of `reference`, 0 to 1."""
    values = np.frombuffer(zlib.decompress(reference.images), dtype="<u2")
    return values.reshape(-1, *reference.image_shape).astype(np.float32) / _SCALE


def pack_images(images: Floats) -> bytes:
    """Return images as a reference stores them."""
    return zlib.compress((images * _SCALE).round().astype("<u2").tobytes(), 9)


def average(images: Floats, block: int) -> Floats:
    """Return the means over square blocks of pixels."""
    count, height, width, channels = images.shape
    if block == 1:
        return images
    parts = images.reshape(count, height // block, block, width // block, block, channels)
    return np.asarray(parts.mean((2, 4)), dtype=np.float32)


def cosines_of(mine: Floats, theirs: Floats) -> Doubles:
    """Return the cosine of each pair; 0 for latents that are all zero."""
    a, b = (each.reshape(len(each), -1).astype(np.float64) for each in (mine, theirs))
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.divide((a * b).sum(1), lengths, out=np.zeros(len(a)), where=lengths > 0)


def psnrs_of(mine: Floats, theirs: Floats) -> Doubles:
    """Return the peak signal-to-noise ratio of each pair in dB, over pixels and channels."""
    difference = mine.astype(np.float64) - theirs
    error = np.square(difference).reshape(len(mine), -1).mean(1)
    return -10 * np.log10(np.maximum(error, 10 ** (-MOST_DB / 10)))
