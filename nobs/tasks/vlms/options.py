"""Options of the task; light to import."""

from typing import Any

from nobs.tasks.chat.options import LOAD, MAX_OUTPUT_TOKENS
from nobs.tasks.options import SERVER, Option, Role

MAX_SIDE: Option[int] = Option(
    name="max_side", kind=int, help="Maximum width and height of images; larger ones are reduced."
)
ONE_IMAGE: Option[int] = Option(
    name="one_image_questions", kind=int, metavar="N",
    help="Also ask N questions about one unchanged image, with the server's cache.",
)  # fmt: skip
PICTURES: Option[str] = Option(
    name="pictures", role=Role.INPUTS, metavar="DIR", folder_of="images",
    help="Folder of images to measure with instead of the pinned pictures.",
)  # fmt: skip
OPTIONS: tuple[Option[Any], ...] = (
    MAX_OUTPUT_TOKENS,
    MAX_SIDE,
    ONE_IMAGE,
    *LOAD,
    PICTURES,
    *SERVER,
)
