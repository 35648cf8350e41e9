"""Pictures of the packaged pipeline against their references: right ones pass, wrong ones don't."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nobs.schema.enums import Backend, Dtype, Status
from nobs.tasks.base import Work
from nobs.tasks.diffusion.checks import PictureCheck, find_gate, load_gates, why_wrong
from nobs.tasks.diffusion.correctness import Pictures, check_pictures
from nobs.tasks.diffusion.definition import DEFINITION
from nobs.tasks.diffusion.digits import get_model_path
from nobs.tasks.diffusion.files import open_pipeline
from nobs.tasks.diffusion.params import DiffusionParams
from nobs.tasks.diffusion.proof import WrongPicture, prove
from nobs.tasks.diffusion.references import find_reference
from nobs.tasks.diffusion.report import DiffusionModelReport, Thumbnail
from tests.fakes.run_requests import pinned
from tools.picture_faults import FAULTS, HARDER
from tools.picture_gates import Case, Subject

QUICK = pinned("diffusion", "quick")
PIN = QUICK.models[0]
assert isinstance(QUICK.params, DiffusionParams)
SEED, RECIPE = QUICK.params.seed, QUICK.params.recipe_of(PIN.id)
# Of torch, where diffusers gives it arrays of numpy.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.heavy,
]
VISIBLE = ("middle block dead", "guidance dropped", "VAE scale 1", "red and blue swapped")


@cache
def subject() -> Subject:
    reference = find_reference(PIN, RECIPE)
    assert reference is not None
    return Subject(QUICK, PIN, open_pipeline(PIN), reference, SEED, "cpu")


@cache
def right() -> Pictures:
    return subject().make(Case(name="", is_sound=True), Dtype.FLOAT32)


def work_in(directory: Path) -> Work:
    return Work(
        model=PIN, inputs=(), workload=QUICK, directory=directory, model_path=Path(get_model_path())
    )


DTYPES = [Dtype.FLOAT32, pytest.param(Dtype.BFLOAT16, marks=pytest.mark.long)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("threads", [1, pytest.param(2, marks=pytest.mark.long)])
def test_sound_runs_pass(dtype: Dtype, threads: int) -> None:
    pictures = subject().make(Case(name="", is_sound=True, threads=threads, batch=8), dtype)
    check = check_pictures(pictures, subject().reference, dtype)

    assert check.compared == 16
    assert [*why_wrong(check)] == []


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "name", [VISIBLE[0], *(pytest.param(name, marks=pytest.mark.long) for name in VISIBLE[1:])]
)
def test_faults_are_wrong(name: str, dtype: Dtype) -> None:
    pictures = subject().make(Case(name=name, is_sound=False, change=FAULTS[name]), dtype)

    assert [*why_wrong(check_pictures(pictures, subject().reference, dtype))] != []


def test_right_pictures_are_proven_kept_and_shown(tmp_path: Path) -> None:
    found = prove(work_in(tmp_path), RECIPE, right(), Dtype.FLOAT32)
    report = DiffusionModelReport(
        model_name=PIN.id, device=Backend.CPU, status=Status.OK,
        pictures=PictureCheck(**found["pictures"]),
        thumbnails=tuple(Thumbnail(**each) for each in found["thumbnails"]),
    )  # fmt: skip
    shown = {chart.key: chart.read(report) for chart in DEFINITION.charts}["pictures"]

    assert found["pictures"]["recognition"]["recognised"] == 16
    assert len([*tmp_path.glob("image-*.png")]) == len(shown) == 16
    assert [*DEFINITION.check_output(report)] == []
    recognised, likeness = DEFINITION.details(report)
    assert recognised == "Pictures: 16 of 16 recognised as asked."
    assert likeness.startswith("Likeness to the references: PSNR at least 107.3 dB (required: ")
    assert len(likeness) <= 80


def test_a_wrong_picture_fails_the_step_and_is_kept(tmp_path: Path) -> None:
    swapped = replace(right(), images=right().images[..., ::-1])

    with pytest.raises(WrongPicture, match=f"steps/{tmp_path.name}") as caught:
        prove(work_in(tmp_path), RECIPE, swapped, Dtype.FLOAT32)

    assert "An image has a PSNR of 9." in caught.value.message
    assert "16 images show what was asked for; at least 90 % are required" in caught.value.message
    kept = np.asarray(Image.open(tmp_path / "image-1.png"))
    assert kept[..., 2].mean() > 4 * kept[..., 0].mean()


def test_pictures_of_other_latents_are_unchecked_but_not_wrong(tmp_path: Path) -> None:
    other = replace(right(), starts=("0" * 64,) * 16)

    found = prove(work_in(tmp_path), RECIPE, other, Dtype.FLOAT32)

    assert found["pictures"]["compared"] == 0
    assert found["pictures"]["recognition"]["least_share"] is None


def test_the_reference_is_of_the_packaged_weights_and_no_others() -> None:
    other = PIN.model_copy(update={"weights_sha256": "0" * 64})

    assert subject().reference.weights == subject().model.weights.files
    assert find_reference(other, RECIPE) is None
    assert find_reference(PIN, RECIPE.model_copy(update={"steps": 4})) is None


@pytest.mark.parametrize("dtype", [Dtype.FLOAT32, Dtype.BFLOAT16, Dtype.FLOAT16])
def test_gates_follow_from_the_runs_that_are_stored_with_them(dtype: Dtype) -> None:
    gate = find_gate(PIN.id, RECIPE, dtype)
    runs = [run for run in load_gates().runs if (run.model, run.dtype) == (PIN.id, dtype)]
    assert gate is not None

    assert {run.name for run in runs if not run.is_sound} >= {*FAULTS, *HARDER}
    assert [run.name for run in runs if run.is_sound and run.is_seen] == []
    assert [run.name for run in runs if run.name in FAULTS and not run.is_seen] == []
    sound = [run.lowest_psnr_db for run in runs if run.is_sound and run.lowest_psnr_db]
    assert min(sound) >= gate.least_psnr_db + 3
