"""Check the pictures of a step, keep them as files, and refuse wrong ones."""

from typing import Any

import numpy as np

from nobs.errors import NobsError
from nobs.schema.enums import Dtype
from nobs.tasks.base import Work
from nobs.tasks.diffusion.checks import PictureCheck, why_wrong
from nobs.tasks.diffusion.correctness import Pictures, check_pictures
from nobs.tasks.diffusion.digits import MODEL
from nobs.tasks.diffusion.params import Recipe
from nobs.tasks.diffusion.recognise import LEAST_SHARE, recognise
from nobs.tasks.diffusion.references import find_reference
from nobs.tasks.diffusion.thumbnails import keep_pictures


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
