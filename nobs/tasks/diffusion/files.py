"""Find or fetch the files of a pipeline, with the digests that are known of them."""

import json
from collections.abc import Mapping
from pathlib import Path

from nobs.data.architectures import random_model
from nobs.data.found import Model
from nobs.data.models import Kind, open_kind
from nobs.schema.pins import ModelPin, Source
from nobs.schema.result import WeightsEvidence
from nobs.tasks.diffusion.layout import (
    INDEX,
    check_names,
    check_pipeline,
    is_complete_pipeline,
    refuse_other_pipelines,
    wanted_files,
)

_VOCABULARY = {
    "vocab.json": "e089ad92ba36837a0d31433e555c8f45fe601ab5c221d4f607ded32d9f7a4349",
    "merges.txt": "9fd691f7c8039210e0fced15865466c65820d09b63988b0174bfe25de299051a",
}
DIGESTS: Mapping[str, Mapping[str, str]] = {
    "stabilityai/sd-turbo": {
        "unet/diffusion_pytorch_model.fp16.safetensors":
            "40ec400881e27d1376c7c95c5bd495f407b33756e80eb6365e301c33a07af6e5",
        "text_encoder/model.fp16.safetensors":
            "bc1827c465450322616f06dea41596eac7d493f4e95904dcb51f0fc745c4e13f",
        "vae/diffusion_pytorch_model.fp16.safetensors":
            "3e4c08995484ee61270175e9e7a072b66a6e4eeb5f0c266667fe1f45b90daf9a",
        **{f"tokenizer/{name}": digest for name, digest in _VOCABULARY.items()},
    },
    "stabilityai/stable-diffusion-xl-base-1.0": {
        "unet/diffusion_pytorch_model.fp16.safetensors":
            "83e012a805b84c7ca28e5646747c90a243c65c8ba4f070e2d7ddc9d74661e139",
        "text_encoder/model.fp16.safetensors":
            "660c6f5b1abae9dc498ac2d21e1347d2abdb0cf6c0c0c8576cd796491d9a6cdd",
        "text_encoder_2/model.fp16.safetensors":
            "ec310df2af79c318e24d20511b601a591ca8cd4f1fce1d8dff822a356bcdb1f4",
        "vae/diffusion_pytorch_model.fp16.safetensors":
            "bcb60880a46b63dea58e9bc591abe15f8350bde47b405f9c38f4be70c6161e68",
        **{f"{folder}/{name}": digest for folder in ("tokenizer", "tokenizer_2")
           for name, digest in _VOCABULARY.items()},
    },
}  # fmt: skip
"""sha256 by model of the catalogue and path, as other public projects pin them for the same
revisions. The files weren't downloaded to check them; a difference is an error."""


def open_pipeline(pin: ModelPin, *, offline: bool = False, force: bool = False) -> Model:
    """Find or fetch the files of one variant and check them; ModelMissing if that can't be done."""
    if pin.source is Source.RANDOM:
        return random_model(pin)
    return open_kind(PIPELINES, pin, offline=offline, force=force)


def _check(directory: Path, pin: ModelPin, remedy: str, revision: str | None) -> WeightsEvidence:
    digests = dict(DIGESTS.get(pin.id, {}))
    listed = directory.parent / "files.json"
    if pin.source is Source.PACKAGE and listed.is_file():
        digests |= json.loads(listed.read_bytes())
    if pin.weights_file and pin.weights_sha256:
        digests[pin.weights_file] = pin.weights_sha256
    return check_pipeline(directory, pin, remedy, revision, digests)


PIPELINES = Kind(
    wanted=wanted_files, unwanted=(), settings=(INDEX,), refuse=refuse_other_pipelines,
    is_complete=is_complete_pipeline, check=_check, check_names=check_names,
)  # fmt: skip
