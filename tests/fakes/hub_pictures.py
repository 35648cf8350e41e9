"""A small data set of images with questions, laid out as those of the hub that `datasets` reads."""

import io
import json
from pathlib import Path

import pyarrow as pa
from PIL import Image
from pyarrow import parquet

SIZE = (640, 480)
"""Of the odd rows; the even ones are upright by their EXIF data only."""
REDUCED, UPRIGHT = [448, 336], [336, 448]
_FEATURES = {
    "image": {"_type": "Image"},
    "question": {"dtype": "string", "_type": "Value"},
}
_IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
_ORIENTATION = 0x0112


def question(number: int) -> str:
    return f"What is in photograph {number}?"


def write_photographs(directory: Path, *, count: int = 12, shade: int = 0) -> None:
    """Write a commit of a repository: JPEG images that all differ, each with a question."""
    numbers = range(1, count + 1)
    images = [{"bytes": _jpeg(number, shade), "path": None} for number in numbers]
    table = pa.table({"image": pa.array(images, _IMAGE), "question": [*map(question, numbers)]})
    features = json.dumps({"info": {"features": _FEATURES}})
    path = directory / "data" / "train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table.replace_schema_metadata({"huggingface": features}), path)


def _jpeg(number: int, shade: int) -> bytes:
    image = Image.new("RGB", SIZE, (10 * number, shade, 40))
    image.paste((250, 250, 250), (20 * number, 10, 20 * number + 60, 200))
    exif = Image.Exif()
    if number % 2 == 0:
        exif[_ORIENTATION] = 6
    stream = io.BytesIO()
    image.save(stream, format="JPEG", exif=exif)
    return stream.getvalue()
