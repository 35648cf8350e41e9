"""The packaged pictures, pinned as pixels, each with a question that has one sure answer."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from nobs.data.checks import check_file, digest_rows
from nobs.data.found import Inputs
from nobs.data.lines import read_values
from nobs.errors import DataError
from nobs.schema.pins import DatasetPin
from nobs.schema.result import DataEvidence

FILES = Path(__file__).with_name("files")
_AGAIN = "Install NOBS again."


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture and what is asked about it."""

    name: str
    """Unique together with the size."""
    image: Image.Image
    """RGB."""
    sha256: str
    """See `pixel_digest`."""
    question: str
    """It has one sure answer, see `nobs.tasks.vlms.answers`; empty for pictures of a user."""
    answers: tuple[str, ...]
    wrong: tuple[str, ...]
    open_question: str
    """Its answer needs at least 128 tokens."""
    source: str = ""
    """Who drew it, or where it is from; licence."""

    @property
    def row(self) -> str:
        """Everything that a data set pins of it, as text."""
        size = "x".join(map(str, self.image.size))
        texts = (self.question, *self.answers, "", *self.wrong, "", self.open_question)
        return "\n".join((f"{self.name} {size} {self.sha256}", *texts))


class PicturesEvidence(DataEvidence):
    """Which pictures were measured."""

    pixels: int
    """Of all pictures."""
    revision: str | None = None
    """Commit of the hub's repository; null for pictures that aren't from the hub."""
    pixels_sha256: tuple[str, ...] = ()
    """Of each picture of the hub, see `pixel_digest`."""


def pixel_digest(image: Image.Image) -> str:
    """Return the hex sha256 of width and height, as in `448x448` and a newline, and RGB bytes."""
    if image.mode != "RGB":
        raise ValueError(f"the digest is of RGB pixels, not {image.mode}")
    digest = hashlib.sha256(f"{image.width}x{image.height}\n".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()


def load_pictures(pin: DatasetPin) -> Inputs:
    """Return the first `pin.rows` packaged pictures; DataError if they aren't the pinned ones."""
    listed = FILES / str(pin.file)
    if not listed.is_file():
        raise DataError(f"The list of pictures {listed} is missing.", _AGAIN)
    file_sha256 = check_file(listed, pin, _AGAIN)
    lines = read_values(listed, pin.rows)
    if len(lines) < pin.rows:
        raise DataError(
            f"{pin.id} has {len(lines)} pictures; {pin.rows} were requested.", "Use fewer --rows."
        )
    pictures = tuple(_read(line) for line in lines if isinstance(line, dict))
    return Inputs(rows=pictures, evidence=evidence_of(pictures, pin, file_sha256))


def evidence_of(
    pictures: tuple[Picture, ...],
    pin: DatasetPin,
    file_sha256: str | None = None,
    revision: str | None = None,
) -> PicturesEvidence:
    """Return which pictures these are; DataError if `pin` has another digest of them.

    `revision` is the commit of the hub's repository that they are from.
    """
    found = digest_rows([picture.row for picture in pictures])
    if pin.rows_sha256 and found != pin.rows_sha256:
        raise DataError(
            f"The {len(pictures)} pictures and questions of {pin.id} have sha256 {found}; the pin "
            f"has {pin.rows_sha256}.",
            "These aren't the pictures of the workload: correct the pin, or measure an open "
            "result.",
        )
    return PicturesEvidence(
        rows=len(pictures),
        rows_sha256=found,
        rows_verified=bool(pin.rows_sha256),
        file_sha256=file_sha256,
        file_verified=bool(pin.file_sha256 and file_sha256),
        pixels=sum(picture.image.width * picture.image.height for picture in pictures),
        revision=revision,
        pixels_sha256=tuple(picture.sha256 for picture in pictures) if revision else (),
    )


def _read(line: dict[str, Any]) -> Picture:
    """Decode one picture of a list; DataError if its pixels aren't the listed ones."""
    path = FILES / line["file"]
    try:
        with Image.open(path, formats=("PNG",)) as file:
            image = file.convert("RGB")
    except OSError as error:
        raise DataError(f"The picture {path} can't be read: {error}.", _AGAIN) from error
    found = pixel_digest(image)
    if found != line["sha256"]:
        raise DataError(
            f"The pixels of {path} have sha256 {found}; the list has {line['sha256']}.", _AGAIN
        )
    return Picture(
        name=line["name"],
        image=image,
        sha256=found,
        question=line["question"],
        answers=tuple(line["answers"]),
        wrong=tuple(line["wrong"]),
        open_question=line["open_question"],
        source="drawn by NOBS, CC0-1.0",
    )
