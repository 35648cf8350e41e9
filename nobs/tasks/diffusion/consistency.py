"""Contradictions in the report of a text-to-image model."""

from collections.abc import Iterator

from nobs.schema.enums import Backend, Dtype, Status
from nobs.schema.pins import Workload
from nobs.tasks.cold.lines import find_cold_contradictions
from nobs.tasks.contradictions import check_device
from nobs.tasks.diffusion.checks import PictureCheck, find_gate
from nobs.tasks.diffusion.params import (
    DiffusionColdParams,
    DiffusionFitParams,
    DiffusionMaxParams,
    DiffusionParams,
    PictureParams,
    Recipe,
)
from nobs.tasks.diffusion.report import DiffusionModelReport, DiffusionRun
from nobs.tasks.fit.lines import find_fit_contradictions
from nobs.text import to_line

ROUNDING = 1e-9
MAX_REST = 0.1
"""Share of a pass outside its phases; only a few statements of Python lie there."""


def find_contradictions(model: DiffusionModelReport, workload: Workload) -> Iterator[str]:
    """Yield unmet parameters, uncounted steps, phases beyond their pass and the like."""
    params = workload.params
    if isinstance(params, DiffusionFitParams):
        yield from find_fit_contradictions(model, model.fit, params.batch_sizes, by="batch size")
        yield from _check_asked(
            model, recipe=params.recipe_of(model.model_name), **_dtypes_of(model, params)
        )
    if isinstance(params, PictureParams):
        yield from _check_params(model, params)
        yield from _check_units(model, params)
    if model.recipe is not None and model.images and model.batch_size:
        for number, run in enumerate(model.all_runs, start=1):
            yield from _check_calls(number, run, model.recipe, model.images, model.batch_size)
    if len(model.all_runs) == len(model.samples):
        for number, (run, sample) in enumerate(
            zip(model.all_runs, model.samples, strict=True), start=1
        ):
            yield from _check_phases(number, run, sample.duration_s)
    mfu = model.denoiser_use.mfu if model.denoiser_use else None
    if mfu is not None and not 0 <= mfu <= 1 + ROUNDING:
        yield f"denoiser_use.mfu is {mfu:.1%}, outside 0 to 100 %"
    if model.dtype is not None and model.status is Status.OK:
        yield from check_device(model, model.parameter_device, model.dtype)
        if model.pictures is not None and model.recipe is not None:
            yield from _check_pictures(model.pictures, model, model.recipe, model.dtype)


def _check_units(model: DiffusionModelReport, params: PictureParams) -> Iterator[str]:
    """Yield samples that aren't passes of the workload, or starts."""
    if isinstance(params, DiffusionColdParams):
        yield from find_cold_contradictions(model, model.cold)
        if model.cold is not None and any(sample.units != 1 for sample in model.samples):
            yield "the units of a sample aren't the one first image of a process"
    elif model.images is not None and any(s.units != model.images for s in model.samples):
        yield f"the units of a sample aren't the {model.images} images of a pass"


def _check_pictures(
    check: PictureCheck, model: DiffusionModelReport, recipe: Recipe, dtype: Dtype
) -> Iterator[str]:
    """Yield counts that can't be, and gates below those that NOBS has."""
    counts = (check.not_finite, check.flat, check.black, check.compared)
    if check.images != model.images or not all(0 <= n <= check.images for n in counts):
        yield f"pictures counts {counts} of {check.images} images in a pass of {model.images}"
    if (check.lowest_psnr_db is None) != (check.compared == 0):
        yield f"pictures.compared is {check.compared}, lowest_psnr_db {check.lowest_psnr_db}"
    gate = find_gate(model.model_name, recipe, dtype) if check.compared else None
    if gate is None:
        return
    for name in ("least_psnr_db", "least_latent_cosine"):
        given, least = getattr(check, name), getattr(gate, name)
        if given is None or given < least:
            yield f"pictures.{name} is {given}, but {dtype} requires {least}"


def _check_params(model: DiffusionModelReport, params: PictureParams) -> Iterator[str]:
    asked: dict[str, object] = {"recipe": params.recipe_of(model.model_name)}
    asked["images"] = params.images
    if isinstance(params, DiffusionParams | DiffusionColdParams):
        asked |= _dtypes_of(model, params)
        asked["batch_size"] = params.batch_size if isinstance(params, DiffusionParams) else 1
    elif isinstance(params, DiffusionMaxParams):
        given = {"dtype": params.dtype, "batch_size": params.batch_size}
        asked |= {name: value for name, value in given.items() if value is not None}
    yield from _check_asked(model, **asked)
    if model.scheduler and model.recipe and model.scheduler != model.recipe.scheduler:
        yield f"scheduler is {to_line(model.scheduler)}, not {to_line(model.recipe.scheduler)}"
    if model.reduced_memory:
        yield f"reduced_memory is {to_line(', '.join(model.reduced_memory))}, but none is allowed"


def _dtypes_of(
    model: DiffusionModelReport, params: DiffusionParams | DiffusionColdParams | DiffusionFitParams
) -> dict[str, object]:
    """Return the dtypes that the workload asks for on the device of `model`."""
    fast = Dtype.FLOAT32 if model.device is Backend.CPU else Dtype.FLOAT16
    return {"dtype": params.dtype or fast, "vae_dtype": params.vae_dtype}


def _check_asked(model: DiffusionModelReport, **asked: object) -> Iterator[str]:
    for name, wanted in asked.items():
        found = getattr(model, name)
        if found is not None and found != wanted:
            yield f"{name} is {to_line(str(found))}, but the workload asks for {wanted}"


def _check_calls(
    number: int, run: DiffusionRun, recipe: Recipe, images: int, batch_size: int
) -> Iterator[str]:
    """Yield calls of the denoiser other than steps times guidance."""
    calls = recipe.steps * -(-images // batch_size)
    latents = recipe.steps * images * (2 if recipe.is_guided else 1)
    if (run.denoiser_calls, run.denoised_latents) != (calls, latents):
        yield (
            f"repeat {number} has {run.denoiser_calls} calls of the denoiser with "
            f"{run.denoised_latents} latents; the recipe needs {calls} with {latents}"
        )


def _check_phases(number: int, run: DiffusionRun, duration_s: float) -> Iterator[str]:
    parts = (run.text_s, run.denoise_s, run.decode_s, run.pixels_s)
    rest = duration_s - sum(parts)
    if min(parts) < 0 or rest < -ROUNDING * duration_s or rest > MAX_REST * duration_s:
        yield f"the phases of repeat {number} take {sum(parts):.6g} s of its {duration_s:.6g} s"
