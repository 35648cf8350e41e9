"""Options of the task; light to import."""

from typing import Any

from nobs.tasks.options import (
    BATCH_SIZE,
    DATA,
    DTYPE,
    MODEL,
    RANDOM_WEIGHTS,
    TUNING_BUDGET,
    Option,
)

IMAGE_SIZE: Option[int] = Option(
    name="image_size", kind=int, metavar="PIXELS",
    help="Width and height of images, a multiple of 8.",
)  # fmt: skip
STEPS: Option[int] = Option(name="steps", kind=int, help="Denoising steps per image.")
GUIDANCE: Option[float] = Option(
    name="guidance",
    kind=float,
    metavar="S",
    help="Scale of classifier-free guidance; 1 or less: without it.",
)
NEGATIVE_PROMPT: Option[str] = Option(
    name="negative_prompt", metavar="TEXT", help="Negative prompt of every image."
)
IMAGES: Option[int] = Option(name="images", kind=int, help="Images per pass.")
OF_RECIPES = (IMAGE_SIZE, STEPS, GUIDANCE, NEGATIVE_PROMPT)
SHARED: tuple[Option[Any], ...] = (BATCH_SIZE, DTYPE, MODEL, *DATA)
OPTIONS: tuple[Option[Any], ...] = (*OF_RECIPES, IMAGES, TUNING_BUDGET, *RANDOM_WEIGHTS, *SHARED)
