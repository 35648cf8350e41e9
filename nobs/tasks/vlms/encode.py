"""Pictures as the bytes of a request; done before the clock starts."""

import io
import secrets
from dataclasses import dataclass, replace

from PIL import Image

from nobs.tasks.vlms.pictures import Picture
from nobs.text import data_address

BLOCK = 16
"""Side of the block that changes in each request: a single pixel can vanish in a resize."""


@dataclass(frozen=True, kw_only=True)
class SentPicture:
    """One picture as sent."""

    width: int
    height: int
    png: bytes

    @property
    def url(self) -> str:
        """As in the request."""
        return data_address(self.png)


def encode(image: Image.Image, *, is_changed: bool = True) -> SentPicture:
    """Return `image` as PNG, with a block of new random pixels in its lower right corner."""
    if is_changed:
        image = image.copy()
        noise = Image.frombytes("RGB", (BLOCK, BLOCK), secrets.token_bytes(3 * BLOCK * BLOCK))
        image.paste(noise, (image.width - BLOCK, image.height - BLOCK))
    stream = io.BytesIO()
    image.save(stream, format="PNG")
    return SentPicture(width=image.width, height=image.height, png=stream.getvalue())


def fit(picture: Picture, max_side: int | None) -> Picture:
    """Return `picture` reduced to fit a square of `max_side`, as Pillow's thumbnails are."""
    if max_side is None or max(picture.image.size) <= max_side:
        return picture
    image = picture.image.copy()
    image.thumbnail((max_side, max_side))
    return replace(picture, image=image)


def blank_of(picture: Picture) -> Image.Image:
    """Return a grey image of the same size."""
    return Image.new("RGB", picture.image.size, (128, 128, 128))
