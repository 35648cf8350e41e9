"""The script that trains the packaged pipeline; training itself takes minutes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from nobs.tasks.diffusion.digits import get_model_path
from tools.digit_networks import make_text_encoder, make_tokenizer, make_unet, make_vae

pytestmark = pytest.mark.heavy

SHIPPED = Path(get_model_path())


def shapes_of(module: Any) -> dict[str, list[int]]:
    return {name: list(value.shape) for name, value in module.state_dict().items()}


@pytest.mark.parametrize(
    ("file", "make"),
    [
        ("unet/diffusion_pytorch_model.fp16.safetensors", make_unet),
        ("vae/diffusion_pytorch_model.fp16.safetensors", make_vae),
        ("text_encoder/model.fp16.safetensors", lambda: make_text_encoder(make_tokenizer())),
    ],
    ids=["unet", "vae", "text encoder"],
)
def test_the_networks_have_the_form_of_the_shipped_weights(
    file: str, make: Callable[[], Any]
) -> None:
    with safe_open(SHIPPED / file, "np") as weights:
        shipped = {name: weights.get_slice(name).get_shape() for name in weights.keys()}  # noqa: SIM118 - no mapping

    assert shapes_of(make()) == shipped


@pytest.mark.long
def test_two_short_trainings_make_the_same_weights(tmp_path: Path) -> None:
    from tools.train_digits import train  # noqa: PLC0415 - imports scikit-learn for seconds

    threads = torch.get_num_threads()
    for name in ("one", "two"):
        train(tmp_path / name, limit=2)
    torch.set_num_threads(threads)
    one, two = ((tmp_path / name / "files.json").read_text() for name in ("one", "two"))

    assert one == two
    assert '"unet/diffusion_pytorch_model.fp16.safetensors"' in one


@pytest.mark.skipif(not os.environ.get("NOBS_TEST_LONG"), reason="makes 200 pictures")
def test_the_shipped_pipeline_passes_the_check_of_a_trained_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from tools.train_digits import check_pipeline  # noqa: PLC0415 - as above

    check_pipeline(SHIPPED)

    assert "of 200 pictures recognised" in capsys.readouterr().out
