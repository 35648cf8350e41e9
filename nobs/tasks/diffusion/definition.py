"""`diffusion`: seconds per image of text-to-image pipelines, with the time of each phase."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from textwrap import wrap
from typing import Any

from nobs.errors import UsageError
from nobs.schema.enums import Backend, Status
from nobs.schema.pins import Params
from nobs.schema.report import Interval, ModelReport
from nobs.schema.result import StepResult
from nobs.schema.telemetry import Figure
from nobs.tasks.base import TaskDefinition
from nobs.tasks.cold.lines import cold_line, cold_warnings
from nobs.tasks.diffusion.checks import describe_check, why_wrong
from nobs.tasks.diffusion.consistency import find_contradictions
from nobs.tasks.diffusion.figures import CHARTS, FIGURES, SUMMARY, settings_of
from nobs.tasks.diffusion.options import IMAGE_SIZE, OF_RECIPES, OPTIONS, SHARED
from nobs.tasks.diffusion.params import (
    DiffusionColdParams,
    DiffusionFitParams,
    DiffusionMaxParams,
    DiffusionParams,
    PictureParams,
)
from nobs.tasks.diffusion.report import DiffusionModelReport
from nobs.tasks.energy import joules_per_1000
from nobs.tasks.fit.lines import fit_lines
from nobs.tasks.parameters import note_slow_dtype
from nobs.tasks.score import calculate_score

NO_MFU = (
    "No MFU: the denoiser was faster than the matrix products that measure the peak, so something "
    "slowed those down. Run again on an idle machine."
)
CUT = "Prompts longer than the text encoder reads: {count}. Their ends had no effect."
SUMMARY_COLUMNS = 76
UNCHECKED = (
    "Pictures not verified: NOBS has no references and gates for this model, recipe, dtype, "
    "prompts and latents."
)


class Diffusion(TaskDefinition):
    """The definition; the work is in `bench`."""

    name = "diffusion"
    title = "Image generation"
    unit = "images"
    bench = "nobs.tasks.diffusion.bench:make_bench"
    inputs = "nobs.tasks.diffusion.prompts:load_prompts"
    packaged_dataset = "nobs/image-prompts"
    weights = "nobs.tasks.diffusion.files:open_pipeline"
    is_complete = "nobs.tasks.diffusion.layout:is_complete_pipeline"
    packages = ("torch", "diffusers", "transformers")
    extra = "nobs[diffusion]"
    libraries = (
        "numpy", "pillow", "huggingface-hub", "tokenizers", "safetensors", "accelerate", "xformers",
    )  # fmt: skip
    phases: Mapping[str, str] = {
        "data": "reading prompts and weights",
        "warmup": "making the first image",
        "profile": "timing steps, counting FLOPs",
    }
    params: Mapping[str, type[Params]] = {
        "diffusion": DiffusionParams,
        "diffusion-max": DiffusionMaxParams,
        "diffusion-cold": DiffusionColdParams,
        "diffusion-fit": DiffusionFitParams,
    }
    options = OPTIONS
    # With other tasks in the run, these are meant for them.
    options_alone = frozenset(option.name for option in SHARED)
    report_type = DiffusionModelReport
    figures = FIGURES
    summary = SUMMARY
    charts = CHARTS
    settings = staticmethod(settings_of)
    find_contradictions = staticmethod(find_contradictions)
    find_notes = staticmethod(note_slow_dtype)

    def apply(self, params: Params, options: Mapping[str, Any]) -> Params:
        """Return `params` with the options of recipes set in every recipe."""
        names = {option.name for option in OF_RECIPES}
        recipe = {name: value for name, value in options.items() if name in names}
        rest = {name: value for name, value in options.items() if name not in names}
        if (size := recipe.pop(IMAGE_SIZE.name, None)) is not None:
            if size % 8:
                near = (size - size % 8, size - size % 8 + 8)
                raise UsageError(
                    f"--image-size is {size}, which isn't a multiple of 8.",
                    f"Use {' or '.join(str(each) for each in near if each)}.",
                )
            recipe |= {"width": size, "height": size}
        if recipe and isinstance(params, PictureParams | DiffusionFitParams):
            rest["recipes"] = {
                model: {**each.model_dump(), **recipe} for model, each in params.recipes.items()
            }
        return super().apply(params, rest)

    def summarise(self, result: StepResult, report: ModelReport) -> DiffusionModelReport:
        """Return medians and their interval from the raw samples of `result`."""
        figures = {**report.model_dump(), **result.facts}
        if result.samples and result.facts and not {"cold", "fit"} & result.facts.keys():
            figures |= _figures(result) | {"joules_per_image": _energy(result, report.device)}
        model = DiffusionModelReport.model_validate(figures)
        if processes := model.cold or model.fit:
            model = model.model_copy(update={"memory": processes.memory})
        return model.model_copy(update={"warnings": (*report.warnings, *_warn(model))})

    def details(self, model: DiffusionModelReport) -> Iterator[str]:
        """Yield the settings of all figures, then in plain words whether the pictures are right.

        Seconds per image of one image at a time and of a batch of eight are different figures.
        """
        if settings := settings_of(model):
            yield from wrap(f"Each figure is at {settings}.", SUMMARY_COLUMNS)
        if model.cold is not None:
            yield cold_line(model.cold)
        if model.pictures is not None:
            yield from describe_check(model.pictures)
        if model.fit is not None:
            yield from fit_lines(model.fit)

    def variant(self, model: DiffusionModelReport) -> str:
        """Return the batch size: images of a batch share its time."""
        return f"batch {model.batch_size}" if model.batch_size else ""

    def check_output(self, model: DiffusionModelReport) -> Iterator[str]:
        """Yield why the pictures are wrong."""
        if model.pictures is not None:
            yield from why_wrong(model.pictures)

    def score(self, models: Sequence[ModelReport]) -> float | None:
        """Return images per hour over the passes of all models; None unless all are ok."""
        ours = [m for m in models if isinstance(m, DiffusionModelReport) and m.status is Status.OK]
        known = [
            (m.images, m.images * m.final_median_seconds_per_image)
            for m in ours
            if m.images and m.final_median_seconds_per_image
        ]
        if not known or len(known) < len(models):
            return None
        return calculate_score(sum(n for n, _ in known), sum(time for _, time in known))


def _warn(model: DiffusionModelReport) -> Iterator[str]:
    yield from cold_warnings(model.cold)
    use = model.denoiser_use
    if use and use.matmul_flop_per_s and use.mfu is None:
        yield NO_MFU
    is_random = model.weights is not None and model.weights.random is not None
    if model.pictures is not None and not model.pictures.is_proven:
        yield UNCHECKED
    if model.cut_prompts and not is_random:
        yield CUT.format(count=model.cut_prompts)


def _figures(result: StepResult) -> dict[str, object]:
    runs = []
    for run, sample in zip(result.facts["all_runs"], result.samples, strict=True):
        each = sample.duration_s / sample.units
        rate = run["denoiser_calls"] / run["denoise_s"]
        runs.append(
            {**run, "seconds_per_image": each, "images_per_minute": 60 / each,
             "denoiser_steps_per_second": rate}
        )  # fmt: skip
    times = [run["seconds_per_image"] for run in runs]
    return {
        "final_median_seconds_per_image": median(times),
        "final_median_images_per_minute": 60 / median(times),
        "seconds_per_image_interval": Interval.of_repeats(times),
        "final_median_denoiser_steps_per_second": median(
            run["denoiser_steps_per_second"] for run in runs
        ),
        "denoiser_use": _use(result),
        "all_runs": runs,
    }


def _use(result: StepResult) -> dict[str, float | None] | None:
    flop, runs = result.facts.get("denoiser_flop"), result.facts["all_runs"]
    if not flop:
        return None
    rate = median(flop * run["denoised_latents"] / run["denoise_s"] for run in runs)
    products = [calibration.matmul_flop_per_s for calibration in result.calibrations]
    if not products:
        return {"denoiser_flop_per_s": rate}
    return {
        "denoiser_flop_per_s": rate,
        "matmul_flop_per_s": max(products),
        "matmul_loss": 1 - products[-1] / products[0],
        "mfu": rate / max(products) if rate <= max(products) else None,
    }


def _energy(result: StepResult, backend: Backend) -> Figure:
    images = sum(sample.units for sample in result.samples)
    energy = joules_per_1000(result.telemetry, backend, images)
    joules = energy.value
    return energy if joules is None else energy.model_copy(update={"value": joules / 1000})


DEFINITION = Diffusion()
