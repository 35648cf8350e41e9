"""Check the pictures of a step, keep them as files and thumbnails, and refuse wrong ones."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nobs.errors import NobsError
from nobs.schema.enums import Dtype
from nobs.tasks.base import Work
from nobs.tasks.diffusion.checks import PictureCheck, why_wrong
from nobs.tasks.diffusion.correctness import Pictures, check_pictures
from nobs.tasks.diffusion.digits import MODEL
from nobs.tasks.diffusion.params import Recipe
from nobs.tasks.diffusion.recognise import LEAST_SHARE, recognise
from nobs.tasks.diffusion.references import find_reference
from nobs.text import data_address

MOST = 16
"""Thumbnails of a step."""
SIDE = 96
"""Pixels of a thumbnail's longer side, at most."""


class WrongPicture(NobsError):
    """The pictures aren't those that this model makes of these prompts and latents."""


def prove(work: Work, recipe: Recipe, pictures: Pictures, dtype: Dtype) -> dict[str, Any]:
    """Return check and thumbnails for the report; WrongPicture if the pictures are wrong.

    Either way they are files in the step's directory. Random weights make no right pictures.
    """
    thumbnails = keep_pictures(work.directory, pictures) if work.directory.name else ()
    kept = {
        "thumbnails": [
            {"source": source, "prompt": prompt}
            for source, prompt in zip(thumbnails, pictures.prompts, strict=False)
        ]
    }
    if work.model.random is not None:
        return kept
    check = _check(work, recipe, pictures, dtype)
    if reasons := [*why_wrong(check)]:
        raise WrongPicture(
            f"{' '.join(reasons)} The images are in the step's directory, steps/"
            f"{work.directory.name}.",
            "Ignore the speed. Look at the images; check the device, its driver and the "
            "libraries, and download the weights again.",
        )
    return {**kept, "pictures": check.model_dump()}


def _check(work: Work, recipe: Recipe, pictures: Pictures, dtype: Dtype) -> PictureCheck:
    check = check_pictures(pictures, find_reference(work.model, recipe), dtype)
    if work.model.id != MODEL:
        return check
    # Of other latents or with fewer steps, a sound pipeline may draw more that isn't recognised.
    least = LEAST_SHARE if check.compared == check.images else None
    images = np.nan_to_num(pictures.images)
    seen = recognise(images, pictures.prompts, least)
    return check.model_copy(update={"recognition": seen})


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
