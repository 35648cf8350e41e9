"""Images of a user's directory or of the hub, as RGB pixels the way a viewer shows them."""

import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from nobs.errors import DataError
from nobs.tasks.vlms.pictures import Picture, pixel_digest

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
MIN_SIDE, MAX_SIDE = 32, 16_384
"""Models with patches refuse smaller images."""
MAX_PIXELS = 50_000_000
_NAMED = 3
_KEPT_OUT = ("thumbs.db", "desktop.ini")
_HIGH_BYTE = {"I;16": 1, "I;16L": 1, "I;16B": 0}
"""Place of the high byte of a grey pixel of 16 bits."""
_SHALLOW = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr", "HSV", "LAB")

OPEN_QUESTION = (
    "Describe everything in this picture in detail: objects, colours, texts, positions. Write at"
    " least 200 words."
)
"""About pictures that come without a question."""


class Unusable(Exception):
    """Why an image can't be measured."""


def read_images(directory: Path, limit: int | None = None) -> tuple[tuple[str, Image.Image], ...]:
    """Return the first `limit` images by name; DataError if there is none, or one is unusable.

    Hidden files and directories within it are left out. Rotation by EXIF is applied, transparency
    is laid on white, CMYK, palettes, grey and 16 bits become RGB with 8 bits.
    """
    if not directory.is_dir():
        raise DataError(f"There is no directory {directory}.", "Name a directory with images.")
    try:
        files = sorted(path for path in directory.iterdir() if _is_candidate(path))[:limit]
    except OSError as error:
        raise DataError(
            f"The directory {directory} can't be read: {error.strerror}.", "Make it readable."
        ) from error
    if not files:
        raise DataError(
            f"The directory {directory} has no images.",
            f"Put images into it: {', '.join(FORMATS)}.",
        )
    found: list[tuple[str, Image.Image]] = []
    refused: list[str] = []
    for path in files:
        try:
            found.append((path.name, read_image(path)))
        except Unusable as reason:
            refused.append(f"{path.name!r} {reason}")
    if refused:
        more = len(refused) - _NAMED
        text = "; ".join(refused[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
        raise DataError(
            f"Images in {directory} can't be measured: {text}.",
            "Save each as one PNG or JPEG image, or move it to another directory.",
        )
    return tuple(found)


def read_image(path: Path) -> Image.Image:
    """Return the image as RGB; Unusable says why it can't be."""
    if not path.is_file():
        raise Unusable("isn't a file")
    try:
        with warnings.catch_warnings():
            # Pillow warns of sizes that are refused here, and of odd metadata, which isn't used.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as file:
                return as_shown(file)
    except UnidentifiedImageError as error:
        raise Unusable(f"is none of {', '.join(FORMATS)}") from error
    except Image.DecompressionBombError as error:
        raise Unusable(f"has more than {MAX_PIXELS:,} pixels") from error
    # Pillow raises each of them for broken files.
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError) as error:
        why = getattr(error, "strerror", None) or "its data are damaged"
        raise Unusable(f"can't be read: {why}") from error


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


def as_shown(image: Image.Image) -> Image.Image:
    """Return 8-bit RGB pixels, upright, on white; Unusable says why it can't be done."""
    if (reason := next(_faults(image), None)) is not None:
        raise Unusable(reason)
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode in _HIGH_BYTE:
        # Pillow would cut the values off at 255.
        high = upright.tobytes()[_HIGH_BYTE[upright.mode] :: 2]
        upright = Image.frombytes("L", upright.size, high)
    if not upright.has_transparency_data:
        return upright.convert("RGB")
    white = Image.new("RGBA", upright.size, "white")
    return Image.alpha_composite(white, upright.convert("RGBA")).convert("RGB")


def _is_candidate(path: Path) -> bool:
    is_hidden = path.name.startswith(".") or path.name.lower() in _KEPT_OUT
    return not is_hidden and not path.is_dir()


def _faults(image: Image.Image) -> Iterator[str]:
    """Yield why `image` is refused, as seen in its header."""
    width, height = image.size
    if min(width, height) < MIN_SIDE:
        yield f"is {width}x{height} pixels, smaller than {MIN_SIDE}x{MIN_SIDE}"
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        yield (
            f"is {width}x{height} pixels; at most {MAX_PIXELS:,} pixels and {MAX_SIDE:,} per side "
            "are measured"
        )
    # Phones put a preview into the same file as a JPEG: that is no second picture.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > 1:
        yield f"has {frames} frames or pages, so that it isn't one picture"
    if image.mode not in (*_SHALLOW, *_HIGH_BYTE):
        yield f"has pixels of the kind {image.mode}, whose range is unknown"
