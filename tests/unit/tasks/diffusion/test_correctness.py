"""What is measured of pictures, and what is wrong with them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from nobs.schema.enums import Dtype
from nobs.tasks.diffusion import correctness
from nobs.tasks.diffusion.checks import Gate, PictureCheck, Recognition, why_wrong
from nobs.tasks.diffusion.correctness import Floats, Pictures, check_pictures
from tests.fakes.generated_pictures import MODEL, RECIPE, make_pictures, reference_of

GATE = Gate(
    model=MODEL, recipe=RECIPE, dtype=Dtype.FLOAT32, least_latent_cosine=0.9999, least_psnr_db=44.0
)


@pytest.fixture
def gated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correctness, "find_gate", lambda model, recipe, dtype: GATE)


def check(pictures: Pictures) -> PictureCheck:
    return check_pictures(pictures, reference_of(make_pictures()), Dtype.FLOAT32)


def change(function: Callable[[Floats], None], name: str = "images") -> Pictures:
    """Return pictures of which the last one was changed in place."""
    values = getattr(make_pictures(), name)
    function(values[-1])
    return replace(make_pictures(), **{name: values})


def fill(value: float) -> Callable[[Floats], None]:
    return lambda values: values.fill(value)


def put(value: float) -> Callable[[Floats], None]:
    return lambda values: values.put(0, value)


def swap(values: Floats) -> None:
    values[:] = values[..., ::-1].copy()


@pytest.mark.usefixtures("gated")
def test_the_same_pictures_are_right() -> None:
    found = check(make_pictures())

    assert found.compared == found.images == 3
    assert found.lowest_latent_cosine == pytest.approx(1)
    assert found.lowest_psnr_db is not None
    assert found.lowest_psnr_db > 100
    assert found.is_proven
    assert [*why_wrong(found)] == []


FLAT, BLACK = "1 of 3 images is of a single colour.", "1 of 3 images is black."
NOT_FINITE = "1 of 3 images is not finite."
NO_LATENTS = (
    "The final latents of an image have cosine 0.000000 to the reference; at least 0.999900 is "
    "required."
)


def far(psnr: float) -> str:
    return f"An image has a PSNR of {psnr} dB against its reference; at least 44.0 dB is required."


@pytest.mark.usefixtures("gated")
@pytest.mark.parametrize(
    ("pictures", "sentences"),
    [
        (change(put(np.nan)), [NOT_FINITE]),
        (change(put(np.inf), "latents"), [NOT_FINITE]),
        (change(fill(0)), [FLAT, BLACK, far(4.8)]),
        (change(fill(0.5)), [FLAT, far(10.7)]),
        (change(swap), [far(9.4)]),
        (change(fill(0), "latents"), [NO_LATENTS]),
    ],
    ids=["nan", "infinite latent", "black", "grey", "swapped", "no latents"],
)
def test_one_bad_image_of_three_is_enough(pictures: Pictures, sentences: list[str]) -> None:
    assert [*why_wrong(check(pictures))] == sentences


def test_pictures_that_no_reference_knows_are_unchecked() -> None:
    unknown = replace(make_pictures(), starts=("0" * 64,) * 3)

    found = check_pictures(unknown, reference_of(make_pictures()), Dtype.FLOAT32)

    assert found.compared == 1
    assert found.images == 3
    assert check_pictures(unknown, None, Dtype.FLOAT32).compared == 0


def test_a_reference_without_a_gate_proves_nothing() -> None:
    found = check(change(swap))

    assert found.compared == 3
    assert found.least_psnr_db is None
    assert not found.is_proven
    assert [*why_wrong(found)] == []


def test_large_images_are_compared_by_their_blocks() -> None:
    pictures = make_pictures()
    reference = reference_of(pictures, block=4)

    same = check_pictures(pictures, reference, Dtype.FLOAT32)
    other = check_pictures(change(swap), reference, Dtype.FLOAT32)

    assert len(reference.images) < len(reference_of(pictures).images) / 8
    assert same.lowest_psnr_db is not None
    assert other.lowest_psnr_db is not None
    assert same.lowest_psnr_db > 100
    assert other.lowest_psnr_db < 30


def test_too_few_recognised_pictures_are_wrong() -> None:
    mistakes = ("image 4, a yellow digit three: red eight", "image 5, a red one: red nine")
    seen = Recognition(asked=10, recognised=8, least_share=0.9, mistakes=mistakes)
    unknown = seen.model_copy(update={"least_share": None})

    found, unjudged = (
        [*why_wrong(check(make_pictures()).model_copy(update={"recognition": each}))]
        for each in (seen, unknown)
    )

    message = (
        "8 of 10 images show what was asked for; at least 90 % are required "
        f"({mistakes[0]}; {mistakes[1]})."
    )
    assert found == [message]
    assert unjudged == []
