"""Keep the images of a step as files, and small ones for the page."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from nobs.tasks.diffusion.correctness import Pictures
from nobs.text import data_address

MOST = 16
"""Thumbnails of a step."""
SIDE = 96
"""Pixels of a thumbnail's longer side, at most."""


def keep_pictures(directory: Path, pictures: Pictures) -> tuple[str, ...]:
    """Write all images into `directory` as image-1.png and so on; return thumbnails.

    Those are whole `data:` addresses; values that aren't finite are shown as black.
    """
    thumbnails = []
    for number, values in enumerate(pictures.images, start=1):
        pixels = np.nan_to_num(values, nan=0, posinf=0, neginf=0).clip(0, 1)
        image = Image.fromarray((pixels * 255).round().astype(np.uint8))
        image.save(directory / f"image-{number}.png")
        if number <= MOST:
            thumbnails.append(_shrink(image))
    return tuple(thumbnails)


def _shrink(image: Image.Image) -> str:
    """Return a thumbnail: what fits is kept as it is, larger ones are stored with some loss."""
    kind = "png" if max(image.size) <= SIDE else "jpeg"
    small = image.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    file = BytesIO()
    small.save(file, kind)
    return data_address(file.getvalue(), kind)
