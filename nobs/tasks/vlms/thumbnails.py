"""The pictures of the sure questions with what was answered, for the page."""

import re
from collections.abc import Sequence
from pathlib import Path

from nobs.tasks.charts import Chart, ChartKind, Picture
from nobs.tasks.vlms.report import PictureCheck, VlmModelReport
from nobs.text import data_address

_FILES = Path(__file__).with_name("files")
_NAME = re.compile(r"[a-z0-9-]{1,40}")
"""Reports of others can contain anything."""


def _thumbnail(name: str) -> str | None:
    """Return a packaged picture as a small `data:` address, None for other pictures."""
    file = _FILES / f"{name}-thumb.png"
    if not _NAME.fullmatch(name) or not file.is_file():
        return None
    return data_address(file.read_bytes())


def _pictures(model: VlmModelReport) -> Sequence[Picture]:
    """Return each picture once, at its smallest size."""
    smallest: dict[str, PictureCheck] = {}
    for check in sorted(model.picture_checks, key=lambda check: check.width * check.height):
        smallest.setdefault(check.picture, check)
    return [
        Picture(source=source, text=_caption(check))
        for name, check in smallest.items()
        if (source := _thumbnail(name)) is not None
    ]


def _caption(check: PictureCheck) -> str:
    verdict = "right" if check.is_right else "wrong"
    blank = check.blank_answer or "no answer"
    return f"{check.question} {check.answer or 'no answer'} ({verdict}; blank image: {blank})"


ANSWERS: Chart[VlmModelReport] = Chart(
    key="picture_answers",
    kind=ChartKind.PICTURES,
    title="What the model saw",
    text="Questions with one sure answer, with the picture and with a blank image.",
    read=_pictures,
)
