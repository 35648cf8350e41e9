"""Whether pictures are right: what a step found out about them, and the gates it is held to.

`tools/picture_gates.py` measures the gates; `gates.json` holds them with how they were found.
"""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from pydantic import Field

from nobs.schema.base import Record
from nobs.schema.enums import Dtype
from nobs.tasks.diffusion.params import Recipe
from nobs.tasks.records import Closed


class Gate(Record):
    """The least likeness to the float32 references of one model, in one dtype of its denoiser."""

    model: str
    recipe: Recipe
    dtype: Dtype
    least_latent_cosine: float
    least_psnr_db: float


class GateRun(Record):
    """One run that a gate follows from."""

    model: str
    dtype: Dtype
    name: str
    """The change, or how a sound run differed from the reference."""
    is_sound: bool
    lowest_latent_cosine: float | None
    """Null where nothing could be compared, as with values that aren't numbers."""
    lowest_psnr_db: float | None
    recognised: float | None
    """Share of images recognised as asked; null for models that nothing recognises."""
    is_seen: bool
    """Whether the check calls it wrong."""


class GateFile(Record):
    """`gates.json`."""

    machine: str
    made_with: dict[str, str]
    """Versions of the libraries."""
    gates: tuple[Gate, ...]
    runs: tuple[GateRun, ...]


class Recognition(Closed):
    """How many images show what their prompt asks for, in the eyes of a simple recogniser."""

    asked: int
    """Images whose prompt names a digit and a colour."""
    recognised: int
    """Images of them in which both were recognised."""
    least_share: float | None
    """Required share; null where it isn't known, as with fewer steps than pinned."""
    mistakes: tuple[str, ...]
    """What was seen instead, as in `image 4, a yellow digit three: red eight`."""


class PictureCheck(Closed):
    """Properties of the images of one pass, and their likeness to the references."""

    images: int
    """Images of the pass."""
    not_finite: int
    """Images with a NaN or infinity in their latents or pixels."""
    flat: int
    """Images of one colour."""
    black: int
    """Images without a bright pixel."""
    compared: int
    """Images with a reference: same model, recipe, prompt and first latents."""
    lowest_latent_cosine: float | None
    """Lowest cosine of an image's final latents to those of its reference."""
    lowest_psnr_db: float | None
    """Lowest PSNR of an image against its reference, over all pixels and channels, in dB; at most
    120."""
    least_latent_cosine: float | None
    """Required cosine in this dtype; null where none was measured."""
    least_psnr_db: float | None
    """Required PSNR in this dtype; null where none was measured."""
    recognition: Recognition | None = Field(None)
    """Only for pictures of the packaged pipeline."""

    @property
    def is_proven(self) -> bool:
        """Whether images were held against references and gates."""
        return self.compared > 0 and self.least_psnr_db is not None


def why_wrong(check: PictureCheck) -> Iterator[str]:
    """Yield why the pictures are wrong, in whole sentences; nothing if they are right."""
    for count, what in (
        (check.not_finite, "not finite"), (check.flat, "of a single colour"),
        (check.black, "black"),
    ):  # fmt: skip
        if count:
            yield f"{count} of {check.images} images {'is' if count == 1 else 'are'} {what}."
    cosine, least = check.lowest_latent_cosine, check.least_latent_cosine
    if cosine is not None and least is not None and not cosine >= least:
        yield (
            f"The final latents of an image have cosine {cosine:.6f} to the reference; at least "
            f"{least:.6f} is required."
        )
    psnr, least = check.lowest_psnr_db, check.least_psnr_db
    if psnr is not None and least is not None and not psnr >= least:
        yield (
            f"An image has a PSNR of {psnr:.1f} dB against its reference; at least {least:.1f} dB "
            "is required."
        )
    seen = check.recognition
    if seen and seen.least_share is not None and seen.recognised < seen.least_share * seen.asked:
        yield (
            f"{seen.recognised} of {seen.asked} images show what was asked for; at least "
            f"{100 * seen.least_share:g} % are required ({'; '.join(seen.mistakes[:3])})."
        )


def describe_check(check: PictureCheck) -> Iterator[str]:
    """Yield lines of at most 80 columns on a check that found nothing wrong."""
    if check.recognition is not None:
        seen = check.recognition
        yield f"Pictures: {seen.recognised} of {seen.asked} recognised as asked."
    if check.is_proven:
        yield (
            f"Likeness to the references: PSNR at least {check.lowest_psnr_db:.1f} dB (required: "
            f"{check.least_psnr_db:.1f})."
        )


@cache
def load_gates() -> GateFile:
    """Read all gates included in NOBS."""
    file = files("nobs.tasks.diffusion") / "gates.json"
    return GateFile.model_validate_json(file.read_bytes())


def find_gate(model: str, recipe: Recipe, dtype: Dtype) -> Gate | None:
    """Return the gate of a model's recipe in a dtype; None if none was measured."""
    wanted = (model, recipe, dtype)
    return next((g for g in load_gates().gates if (g.model, g.recipe, g.dtype) == wanted), None)
