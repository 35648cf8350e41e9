"""The packaged pipeline is the one that the training wrote."""

import hashlib
import json
from pathlib import Path

from nobs.tasks.diffusion.digits import get_model_path

PIPELINE = Path(get_model_path())
FILES = json.loads((PIPELINE.parent / "files.json").read_text(encoding="utf-8"))


def test_every_file_of_the_packaged_pipeline_has_its_digest() -> None:
    found = {
        file.relative_to(PIPELINE).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in PIPELINE.rglob("*")
        if file.is_file()
    }

    assert found == FILES


def test_the_packaged_pipeline_stays_small() -> None:
    size = sum(file.stat().st_size for file in PIPELINE.parent.rglob("*") if file.is_file())

    assert size < 4_300_000
