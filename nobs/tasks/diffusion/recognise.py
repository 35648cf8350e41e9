"""Recognise a coloured digit: the plain words for whether the packaged pipeline works.

A digit is the nearest of 597 real ones, none of which the pipeline learned from. A check of
pictures rests on the references: a recogniser misses most faults.
"""

from collections.abc import Sequence
from importlib.resources import files

import numpy as np

from nobs.tasks.diffusion.checks import Recognition
from nobs.tasks.diffusion.correctness import Floats
from nobs.tasks.diffusion.digits import COLOURS, DIGITS

HELD_OUT = (1131, 1200)
"""Other real digits, and how many of them it recognises."""
LEAST_SHARE = 0.9
"""Of the pinned recipe's images."""
SIDE = 8
"""Real digits have 8 x 8 pixels."""


def recognise(
    images: Floats, prompts: Sequence[str], least_share: float | None = LEAST_SHARE
) -> Recognition | None:
    """Return what is recognised; None if no prompt names one digit and one colour."""
    asked = [(number, wanted) for number, text in enumerate(prompts) if (wanted := wanted_of(text))]
    if not asked:
        return None
    shown = images[[number for number, _ in asked]]
    seen = zip(name_colours(shown), name_digits(brightness_of(shown)), strict=True)
    mistakes = [
        f"image {number + 1}, {prompts[number]}: {' '.join(found)}"
        for (number, wanted), found in zip(asked, seen, strict=True)
        if found != wanted
    ]
    return Recognition(
        asked=len(asked),
        recognised=len(asked) - len(mistakes),
        least_share=least_share,
        mistakes=tuple(mistakes),
    )


def wanted_of(prompt: str) -> tuple[str, str] | None:
    """Return the colour and the digit that a prompt names."""
    words = prompt.split()
    colours, digits = ([word for word in names if word in words] for names in (COLOURS, DIGITS))
    return (colours[0], digits[0]) if len(colours) == len(digits) == 1 else None


def brightness_of(images: Floats) -> Floats:
    """Return images as rows of 8 x 8 values of brightness, 0 to 16, as the real digits are."""
    count, height, width, _ = images.shape
    blocks = images.max(-1).reshape(count, SIDE, height // SIDE, SIDE, width // SIDE)
    return np.asarray(blocks.mean((2, 4)).reshape(count, -1) * 16, dtype=np.float32)


def name_digits(values: Floats) -> list[str]:
    """Return the name of each row of 64 values of brightness."""
    with np.load(str(files("nobs.tasks.diffusion.digits") / "real.npz")) as real:
        pixels, digits = real["pixels"].astype(np.float32), real["digits"]
    distances = np.square(values[:, None] - pixels).sum(-1)
    return [DIGITS[digit] for digit in digits[distances.argmin(1)]]


def name_colours(images: Floats) -> list[str]:
    """Return the name of the colour that the bright pixels of each image are nearest to."""
    pixels = images.reshape(len(images), -1, 3)
    mean = (pixels * np.square(pixels.max(-1, keepdims=True))).sum(1)
    palette = np.array(list(COLOURS.values()), dtype=np.float32)
    palette /= np.linalg.norm(palette, axis=1, keepdims=True)
    return [list(COLOURS)[place] for place in (mean @ palette.T).argmax(1)]
