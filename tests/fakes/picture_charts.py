"""A task whose models have pictures, put in the place of another one."""

import base64
from collections.abc import Sequence
from io import BytesIO

import pytest
from PIL import Image

from nobs.report import leaderboard
from nobs.tasks.charts import Chart, ChartKind, Picture
from nobs.tasks.text_embeddings.definition import TextEmbeddings

TITLE = "What it made"
SIZE = 8


def png_source(color: tuple[int, int, int], kind: str = "png") -> str:
    """Return a picture of one colour as a `data:` address."""
    file = BytesIO()
    Image.new("RGB", (SIZE, SIZE), color).save(file, kind)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


def give_pictures(monkeypatch: pytest.MonkeyPatch, pictures: Sequence[Picture]) -> None:
    """Let every model of a report have `pictures`."""

    class Painter(TextEmbeddings):
        charts = (
            Chart(
                key="made", kind=ChartKind.PICTURES, title=TITLE, text="The first ones.",
                read=lambda model: pictures,
            ),
        )  # fmt: skip

    monkeypatch.setattr(leaderboard, "definition_of", lambda task, division: Painter())
