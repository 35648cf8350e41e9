"""The pictures of a workload, whatever their source."""

from pathlib import Path

from PIL import Image

from nobs.data.found import Inputs
from nobs.errors import DataError
from nobs.schema.pins import DatasetPin, Source
from nobs.tasks.vlms.own_pictures import read_images
from nobs.tasks.vlms.pictures import Picture, evidence_of, load_pictures, pixel_digest

OPEN_QUESTION = (
    "Describe everything in this picture in detail: objects, colours, texts, positions. Write at"
    " least 200 words."
)
"""About pictures that come without a question."""


def load_images(pin: DatasetPin, *, offline: bool = False, force: bool = False) -> Inputs:
    """Return the pinned pictures; DataError if they are not the pinned ones.

    `offline` and `force` are without effect: nothing is fetched.
    """
    match pin.source:
        case Source.PACKAGE:
            return load_pictures(pin)
        case Source.PATH:
            images = read_images(Path(pin.id), pin.rows)
            if len(images) < pin.rows:
                raise DataError(
                    f"Only {len(images)} of {pin.rows} files in {pin.id} are images.",
                    "Move the other files to another folder.",
                )
            pictures = tuple(own_picture(*each) for each in images)
            return Inputs(rows=pictures, evidence=evidence_of(pictures, pin))
    raise DataError(
        f"Pictures can't be read from {pin.id}: the source {pin.source} isn't supported.",
        "Use packaged pictures, or a folder with --pictures DIR.",
    )


def own_picture(name: str, image: Image.Image, question: str = OPEN_QUESTION) -> Picture:
    """Return a picture without a sure question."""
    return Picture(
        name=name,
        image=image,
        sha256=pixel_digest(image),
        question="",
        answers=(),
        wrong=(),
        open_question=question,
    )
