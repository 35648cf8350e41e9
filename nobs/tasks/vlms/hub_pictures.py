"""Pictures and questions of a data set of the hub, reduced as earlier published results had them.

The earlier program took the first rows of `Hallucination_COCO`, the image and the question of each,
and sent thumbnails of 448 pixels as PNG.
"""

import base64
import io
import json
import re
from typing import Any

import PIL
from huggingface_hub import HfApi
from PIL import Image

from nobs.data.found import Inputs
from nobs.data.hub import check_reachable, hub_errors
from nobs.data.hub_dataset import keep, read_kept, stream
from nobs.errors import DataError
from nobs.schema.pins import DatasetPin
from nobs.tasks.vlms.own_pictures import Unusable, as_shown, own_picture
from nobs.tasks.vlms.pictures import FILES, Picture, evidence_of

IMAGE_COLUMN = "image"
SIDE = 448
PINNED = FILES / "hub-pixels.json"
"""Digests of each picture by data set, written by `tools.pin_coco`; absent until then."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


def load_hub_pictures(pin: DatasetPin, *, offline: bool, force: bool) -> Inputs:
    """Return the first pictures with their questions; DataError if they aren't the pinned ones.

    Without a pinned commit, those of the newest one; the evidence says which. Offline, or where the
    commit is pinned, the kept pictures of an earlier call.
    """
    lines = None if force and not offline else _find_kept(pin, offline=offline)
    if lines is None:
        lines = _fetch(pin)
        keep(pin, lines)
    pictures = tuple(_picture(number, line) for number, line in enumerate(lines, start=1))
    if len(pictures) < pin.rows:
        raise DataError(
            f"{pin.id} has {len(pictures)} rows; {pin.rows} are needed.", "Check the pin."
        )
    revision = str(lines[0]["revision"])
    _check_pixels(pictures, pin, revision)
    return Inputs(rows=pictures, evidence=evidence_of(pictures, pin, revision=revision))


def _find_kept(pin: DatasetPin, *, offline: bool) -> tuple[dict[str, Any], ...] | None:
    try:
        kept: tuple[Any, ...] = read_kept(pin)
    except DataError:
        if offline:
            raise
        return None
    is_final = _COMMIT.fullmatch(pin.revision or "") is not None
    return kept if offline or is_final else None


def _fetch(pin: DatasetPin) -> tuple[dict[str, Any], ...]:
    """Return revision, question and reduced picture (PNG, base64) of each row."""
    with hub_errors(DataError, f"data set {pin.id}", pin.revision):
        check_reachable()
        commit = HfApi().dataset_info(pin.id, revision=pin.revision).sha
    rows = stream(pin.model_copy(update={"revision": commit}), IMAGE_COLUMN, pin.column)
    return tuple(
        {"revision": commit, **_line(number, pin, *row)} for number, row in enumerate(rows, start=1)
    )


def _line(number: int, pin: DatasetPin, image: object, question: object) -> dict[str, str]:
    if not isinstance(image, Image.Image) or not isinstance(question, str) or not question.strip():
        raise DataError(
            f"Row {number} of {pin.id} has no image, or no text in column {pin.column!r}.",
            "Pin a revision in which each row has both.",
        )
    try:
        shown = as_shown(image)
    except Unusable as error:
        raise DataError(
            f"The image of row {number} of {pin.id} {error}.", "Pin another revision."
        ) from error
    shown.thumbnail((SIDE, SIDE))
    png = io.BytesIO()
    shown.save(png, format="PNG")
    return {"question": question, "png": base64.b64encode(png.getvalue()).decode()}


def _picture(number: int, line: dict[str, Any]) -> Picture:
    with Image.open(io.BytesIO(base64.b64decode(line["png"])), formats=("PNG",)) as file:
        return own_picture(f"row-{number}", file.convert("RGB"), line["question"])


def _check_pixels(pictures: tuple[Picture, ...], pin: DatasetPin, revision: str) -> None:
    """Raise DataError naming the pictures that aren't the pinned ones of this revision."""
    pinned = json.loads(PINNED.read_bytes()).get(pin.id) if PINNED.is_file() else None
    if pinned is None or pinned["revision"] != revision:
        return
    other = [
        picture.name
        for picture, sha256 in zip(pictures, pinned["pixels_sha256"], strict=False)
        if picture.sha256 != sha256
    ]
    if other:
        raise DataError(
            f"The pixels of {', '.join(other)} of {pin.id} aren't the pinned ones, which Pillow "
            f"{pinned['pillow']} decoded; this is Pillow {PIL.__version__}.",
            "Install that version of Pillow, then run `nobs prefetch --force`.",
        )
