"""Parameters of image generation."""

from typing import Literal

from pydantic import Field

from nobs.schema.base import Record
from nobs.schema.enums import Dtype
from nobs.tasks.parameters import ClosedParams

OTHERS = "*"
"""Key of the recipe of every model that has none of its own."""


class Recipe(Record):
    """How one model makes an image."""

    width: int = Field(gt=0, multiple_of=8)
    """Pixels."""
    height: int = Field(gt=0, multiple_of=8)
    """Pixels."""
    steps: int = Field(gt=0)
    """Denoising steps."""
    guidance: float = Field(ge=0)
    """Scale of classifier-free guidance; up to 1 there is none, and each step has half the work."""
    negative_prompt: str = ""
    """The same for every image; without guidance it has no effect."""
    scheduler: str = "EulerDiscreteScheduler"
    """Class in diffusers, with the settings in the model's files."""

    @property
    def is_guided(self) -> bool:
        """Whether each step computes the negative prompt too."""
        return self.guidance > 1


class PictureParams(ClosedParams):
    """What both kinds of workloads have."""

    seed: int = Field(ge=0)
    """Image number i, from 0, starts from latents drawn on the CPU in float32 with `seed` + i."""
    images: int = Field(gt=0)
    """Images per pass; prompts are repeated in order."""
    recipes: dict[str, Recipe]
    """By model; `*` is for all others."""

    def recipe_of(self, model: str) -> Recipe:
        """Return the recipe of a model."""
        return self.recipes.get(model) or self.recipes[OTHERS]


class DiffusionParams(PictureParams):
    """Parameters of `diffusion` workloads."""

    kind: Literal["diffusion"] = "diffusion"
    dtype: Dtype | None = None
    """Of text encoders and denoiser; null: float16 on accelerators, float32 on CPUs."""
    vae_dtype: Dtype = Dtype.FLOAT32
    """Of the decoder, which overflows in float16 with some models."""
    batch_size: int = Field(1, gt=0)
    """Images per call of the pipeline."""


class DiffusionColdParams(PictureParams):
    """Parameters of `diffusion-cold` workloads: a new process makes images one by one."""

    kind: Literal["diffusion-cold"] = "diffusion-cold"
    images: int = Field(gt=1)
    """Images of each process; the first one is cold, the median time of the others is steady."""
    dtype: Dtype | None = None
    """As in `diffusion`."""
    vae_dtype: Dtype = Dtype.FLOAT32
    """As in `diffusion`."""


class DiffusionMaxParams(PictureParams):
    """Parameters of `diffusion-max` workloads; null ones are tuned."""

    kind: Literal["diffusion-max"] = "diffusion-max"
    dtype: Dtype | None = None
    """Of the whole pipeline; null: bfloat16, or float32 on CPUs where that is faster."""
    batch_size: int | None = Field(None, gt=0)
    """Images per call of the pipeline; null: doubled up to 8 while it gets faster and fits."""
    compiles: bool | None = None
    """Whether `torch.compile` compiles the denoiser; null: only if that is faster."""
    tuning_budget_s: float = Field(300.0, gt=0)
    """Seconds after which no further trial of the search starts."""


class DiffusionFitParams(ClosedParams):
    """Parameters of `diffusion-fit` workloads: memory by batch size, a new process for each."""

    kind: Literal["diffusion-fit"] = "diffusion-fit"
    seed: int = Field(ge=0)
    """Image number i, from 0, starts from latents drawn on the CPU in float32 with `seed` + i."""
    recipes: dict[str, Recipe]
    """By model; `*` is for all others. One step has the memory of many."""
    dtype: Dtype | None = None
    """Of text encoders and denoiser; null: float16 on accelerators, float32 on CPUs."""
    vae_dtype: Dtype = Dtype.FLOAT32
    """Of the decoder, which overflows in float16 with some models."""
    batch_sizes: tuple[int, ...] = Field(min_length=2)
    """Images per call of the pipeline, in ascending order; the growth ends where one doesn't
    fit."""
    memory_share: float = Field(0.8, gt=0, le=0.9)
    """Share of the machine's free memory that a process may take."""
    budget_s: float = Field(120.0, gt=0)
    """Seconds after which a repeat tries no further size."""

    def recipe_of(self, model: str) -> Recipe:
        """Return the recipe of a model."""
        return self.recipes.get(model) or self.recipes[OTHERS]
