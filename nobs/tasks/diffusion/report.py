"""Records of text-to-image models in a report."""

from pydantic import ConfigDict, Field

from nobs.schema.base import Record
from nobs.schema.enums import Dtype
from nobs.schema.report import Interval, ModelReport
from nobs.schema.telemetry import Figure
from nobs.tasks.cold.report import ColdStarts
from nobs.tasks.diffusion.checks import PictureCheck
from nobs.tasks.diffusion.params import Recipe
from nobs.tasks.diffusion.tuning import Attention
from nobs.tasks.fit.report import Fit
from nobs.tasks.records import Closed
from nobs.tasks.tuning import Outcome


class DiffusionRun(Record):
    """One timed repeat: all images of a pass."""

    seconds_per_image: float
    """Time of the pass over its images, at this `batch_size`."""
    images_per_minute: float
    denoiser_steps_per_second: float
    """`denoiser_calls` over `denoise_s`; a call computes one step of a whole batch."""
    text_s: float
    """Text encoders, up to the first call of the denoiser."""
    denoise_s: float
    """All steps of all images, scheduler included."""
    decode_s: float
    """The VAE's decoder."""
    pixels_s: float
    """From the decoder's output to 8-bit images in the machine's memory."""
    denoiser_calls: int
    """Counted calls of the denoiser."""
    denoised_latents: int
    """Latents in these calls: with guidance two per image and step."""


class DenoiserUse(Closed):
    """FLOP/s of the denoiser relative to the device's peak."""

    denoiser_flop_per_s: float
    """FLOPs of a pass over the median of `denoise_s`."""
    matmul_flop_per_s: float | None = None
    """The faster of the products before and after the repeats."""
    matmul_loss: float | None = None
    """Share by which the product after the repeats was slower; negative where it was faster."""
    mfu: float | None = None
    """`denoiser_flop_per_s` over `matmul_flop_per_s`; null if it would exceed 1."""


class PictureTrial(Closed):
    """One trial of the search for the fastest settings."""

    dtype: Dtype
    vae_dtype: Dtype
    batch_size: int
    attention: Attention | None = None
    """The only kernel of the denoiser's attention; null: torch chose."""
    channels_last: bool
    compiled: bool
    outcome: Outcome
    images_per_minute: float | None
    """Of one batch after an untimed one; null if the trial failed."""


class PictureTuning(Closed):
    """The search for the fastest settings."""

    stopped_by: str
    """What ended it: throughput, memory, time, the largest or a given batch."""
    duration_s: float
    trials: tuple[PictureTrial, ...]
    """In order."""


class Thumbnail(Closed):
    """One of the first images."""

    source: str
    """The image as a `data:` address: PNG up to 96 pixels, else a smaller JPEG."""
    prompt: str
    """What was asked for."""


class DiffusionModelReport(ModelReport):
    """Figures of a text-to-image model; null if it isn't ok.

    The score counts images: 3600 times the images of all models' passes over the sum of the median
    times of a pass.
    """

    model_config = ConfigDict(extra="forbid")

    final_median_seconds_per_image: float | None = None
    """Median time of a pass over its images, at this `batch_size`."""
    final_median_images_per_minute: float | None = None
    """60 over `final_median_seconds_per_image`, at this `batch_size`."""
    seconds_per_image_interval: Interval | None = None
    """CI of the median."""
    final_median_denoiser_steps_per_second: float | None = None
    """Median of the repeats."""
    first_image_s: float | None = None
    """The first image after loading, in which kernels are compiled and chosen."""
    cold: ColdStarts | None = None
    """Cold starts; null in other workloads."""
    batch_size: int | None = None
    """Images per call of the pipeline."""
    images: int | None = None
    """Images per pass, or per process of a cold start."""
    channels_last: bool | None = None
    """Whether the weights of convolutions were stored with channels last."""
    compiled: bool | None = None
    """Whether `torch.compile` compiled the denoiser."""
    tuning: PictureTuning | None = None
    """Search for the fastest settings; null if they are pinned."""
    recipe: Recipe | None = None
    """Size, steps, guidance and scheduler."""
    pipeline: str | None = None
    """Class in diffusers."""
    scheduler: str | None = None
    """Class, read back."""
    timestep_spacing: str | None = None
    """Of the scheduler, read back."""
    prediction_type: str | None = None
    """What the denoiser predicts, read back from the scheduler."""
    dtype: Dtype | None = None
    """Of the denoiser, read back from its weights."""
    vae_dtype: Dtype | None = None
    """Of the decoder, read back from its weights."""
    parameters: dict[str, int] = Field(default_factory=dict)
    """Number of weights by part."""
    parameter_device: str | None = None
    """Location of the denoiser's weights according to torch, as in `cuda:0`."""
    attention_kernel: Attention | None = None
    """The only kernel of the denoiser's attention, found by tuning; null: torch chose."""
    attention: str | None = None
    """The denoiser's attention classes in diffusers; `AttnProcessor2_0` is torch's fused kernel."""
    reduced_memory: tuple[str, ...] = ()
    """Slicing and tiling of the decoder, if either was on."""
    latents_sha256: str | None = None
    """sha256 of the latents that all images started from: float32, little endian."""
    cut_prompts: int | None = None
    """Prompts that are longer than the text encoder reads."""
    denoiser_flop: int | None = None
    """FLOPs of the denoiser for one latent and step; a multiply-add is two."""
    decoder_flop: int | None = None
    """FLOPs of the decoder for one image."""
    denoiser_use: DenoiserUse | None = None
    """MFU; null without repeats."""
    steps_s: tuple[float, ...] = ()
    """Seconds of each step of one batch: of the last repeat on a CPU, elsewhere of an instrumented
    pass after the repeats."""
    pictures: PictureCheck | None = None
    """Whether the images of the last pass are right; null with random weights."""
    thumbnails: tuple[Thumbnail, ...] = ()
    """The first images of the last pass; all of them are in the step's directory."""
    fit: Fit | None = Field(None, exclude_if=lambda value: value is None)
    """Memory by batch size; absent in other workloads."""
    joules_per_image: Figure | None = None
    """Energy of the backend's devices."""
    all_runs: tuple[DiffusionRun, ...] = ()
    """Repeats, raw, in order."""
