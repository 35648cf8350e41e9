"""Reference pictures, made by `python -m tools.picture_references`."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import Base64Bytes, Field

from nobs.schema.base import Record
from nobs.schema.pins import ModelPin
from nobs.tasks.diffusion.params import Recipe


class Reference(Record):
    """Latents and images of one model by one recipe, computed in float32 on the CPU."""

    model: str
    revision: str | None
    """Commit of the hub's repository; None for packages."""
    weights: Mapping[str, str]
    """sha256 of each file of weights they were made with."""
    recipe: Recipe
    made_with: Mapping[str, str]
    """Versions of the libraries."""
    prompts: tuple[str, ...]
    starts: tuple[str, ...]
    """sha256 of the first latents of each image, as float32 in little-endian order."""
    latent_shape: tuple[int, int, int]
    """Of one image: channels, height, width."""
    block: int = Field(gt=0)
    """Images are means over blocks of so many pixels in each direction; 1: whole images."""
    latents: Base64Bytes
    """Final latents, float32, little-endian, one image after another."""
    images: Base64Bytes
    """Pixels as rows of red, green, blue, 16 bit, little-endian, compressed by zlib."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of a stored image."""
        return self.recipe.height // self.block, self.recipe.width // self.block, 3


def find_reference(pin: ModelPin, recipe: Recipe) -> Reference | None:
    """Return the reference made with the pinned weights by this recipe."""
    if pin.random is not None:
        return None
    return next(
        (
            reference
            for reference in load_references()
            if (reference.model, reference.revision) == (pin.id, pin.revision)
            and reference.recipe == recipe
            and pin.weights_sha256 in (None, reference.weights.get(str(pin.weights_file)))
        ),
        None,
    )


@cache
def load_references() -> tuple[Reference, ...]:
    """Read all references included in NOBS."""
    stored = (path for path in files(__name__).iterdir() if path.name.endswith(".json"))
    return tuple(
        Reference.model_validate_json(path.read_bytes())
        for path in sorted(stored, key=lambda path: path.name)
    )
