"""The recogniser of coloured digits, on real ones that neither it nor the pipeline learned from."""

from typing import Any

import numpy as np
import pytest

from nobs.tasks.diffusion.digits import COLOURS, DIGITS
from nobs.tasks.diffusion.recognise import HELD_OUT, name_digits, recognise, wanted_of


@pytest.fixture(scope="module")
def digits() -> Any:
    """Those of scikit-learn, which takes seconds to import: for the long tests."""
    from sklearn.datasets import load_digits  # noqa: PLC0415

    return load_digits()


@pytest.mark.long
def test_its_accuracy_on_held_out_digits_is_the_one_that_is_stated(digits: Any) -> None:
    held_out = digits.data[: HELD_OUT[1]].astype(np.float32)
    seen = name_digits(held_out)

    right = sum(DIGITS[digit] == name for digit, name in zip(digits.target, seen, strict=False))

    assert (right, len(seen)) == HELD_OUT


@pytest.mark.long
def test_digits_that_it_knows_are_recognised_in_every_colour_and_size(digits: Any) -> None:
    rows = [0, 1, 12, 3, 4, 15, 6, 7, 8, 9]
    assert digits.target[rows].tolist() == [*range(10)]
    grey = digits.images[rows].astype(np.float32).repeat(4, 1).repeat(4, 2) / 16
    images = np.concatenate(
        [grey[..., None] * np.array(tint, dtype=np.float32) for tint in COLOURS.values()]
    )
    prompts = [f"a {colour} digit {digit}" for colour in COLOURS for digit in DIGITS]

    found = recognise(images, prompts)
    shifted = recognise(images, [*prompts[1:], prompts[0]])

    assert found is not None
    assert shifted is not None
    assert (found.asked, found.recognised, found.mistakes) == (50, 50, ())
    assert shifted.recognised == 0
    assert shifted.mistakes[0] == "image 1, a red digit one: red zero"


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("the handwritten digit three in yellow", ("yellow", "three")),
        ("a red digit", None),
        ("a photograph of a cat", None),
        ("a red digit one and a green digit two", None),
        ("", None),
    ],
)
def test_a_prompt_names_one_digit_in_one_colour(
    prompt: str, wanted: tuple[str, str] | None
) -> None:
    assert wanted_of(prompt) == wanted


def test_prompts_without_digits_have_nothing_to_recognise() -> None:
    assert recognise(np.zeros((1, 32, 32, 3), dtype=np.float32), ["a cat"]) is None
