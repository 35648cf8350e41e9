"""Images are kept as files; the report gets small ones."""

import base64
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nobs.tasks.charts import Picture
from nobs.tasks.diffusion.proof import MOST, keep_pictures
from tests.fakes.generated_pictures import make_pictures


@pytest.mark.parametrize(("side", "kind"), [(32, "PNG"), (512, "JPEG")])
def test_every_image_is_a_file_and_a_small_one_for_the_page(
    tmp_path: Path, side: int, kind: str
) -> None:
    images = np.random.default_rng(1).random((2, side, side, 3), dtype=np.float32)

    thumbnails = keep_pictures(tmp_path, replace(make_pictures(2), images=images))

    assert sorted(file.name for file in tmp_path.iterdir()) == ["image-1.png", "image-2.png"]
    whole = np.asarray(Image.open(tmp_path / "image-2.png"))
    assert np.abs(whole / 255 - images[1]).max() <= 0.5 / 255 + 1e-6
    small = Image.open(BytesIO(base64.b64decode(thumbnails[1].partition(",")[2])))
    assert small.format == kind
    assert max(small.size) == min(side, 96)
    assert all(Picture(source=each, text="").is_plain for each in thumbnails)
    assert len(thumbnails[1]) < 15_000


def test_a_broken_image_is_kept_too(tmp_path: Path) -> None:
    images = np.full((1, 32, 32, 3), np.nan, dtype=np.float32)
    images[0, 0, 0] = (np.inf, 7, -1)

    keep_pictures(tmp_path, replace(make_pictures(1), images=images))

    assert np.asarray(Image.open(tmp_path / "image-1.png"))[0, 0].tolist() == [0, 255, 0]


def test_the_report_stays_small(tmp_path: Path) -> None:
    assert len(keep_pictures(tmp_path, make_pictures(MOST + 1))) == MOST
    assert len([*tmp_path.iterdir()]) == MOST + 1
