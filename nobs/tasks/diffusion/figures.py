"""Figures and charts of text-to-image models."""

from collections.abc import Sequence

from nobs.tasks.charts import Chart, ChartKind, Picture, Point, shares_of
from nobs.tasks.cold.figures import PROCESS_PARTS, first_result, parts_chart, steady
from nobs.tasks.diffusion.report import DiffusionModelReport, PictureTrial
from nobs.tasks.figures import Figure, Kind, Measured, measured, per_time
from nobs.tasks.fit.figures import added, largest, loaded, memory_chart

MAX_STEPS = 100
MAX_TRIALS = 50
_PARTS = ("text", "denoise", "decode", "to pixels", "other")


def _per_minute(model: DiffusionModelReport) -> Measured | None:
    per_minute = model.final_median_images_per_minute
    return per_time(per_minute, 60, model.seconds_per_image_interval)


RATE = Figure(
    key="images_per_minute", label="images/min", title="Images per minute", kind=Kind.RATE,
    meaning="images per minute at the batch size beside the model", read=_per_minute,
    runs=lambda model: [run.images_per_minute for run in model.all_runs],
)  # fmt: skip
TIME = Figure[DiffusionModelReport](
    key="seconds_per_image", label="s/image", kind=Kind.SECONDS, lower_is_better=True,
    is_charted=False,
    meaning="seconds of a pass over its images, at the batch size beside the model",
    read=lambda model: measured(
        model.final_median_seconds_per_image, model.seconds_per_image_interval
    ),
    runs=lambda model: [run.seconds_per_image for run in model.all_runs],
)  # fmt: skip
STEPS = Figure[DiffusionModelReport](
    key="denoiser_steps_per_second", label="steps/s", title="Denoiser steps per second",
    kind=Kind.RATE, meaning="steps of the denoiser per second, a whole batch in each",
    read=lambda model: measured(model.final_median_denoiser_steps_per_second),
    runs=lambda model: [run.denoiser_steps_per_second for run in model.all_runs],
)  # fmt: skip
FIRST = Figure[DiffusionModelReport](
    key="first_image_s", label="first image", kind=Kind.SECONDS, lower_is_better=True,
    is_charted=False, read=lambda model: measured(model.first_image_s),
)  # fmt: skip
MFU = Figure[DiffusionModelReport](
    key="denoiser_mfu", label="MFU", title="Denoiser's FLOPs utilisation (MFU)", kind=Kind.SHARE,
    meaning="FLOPs utilisation of the denoiser (achieved FLOP/s / measured matmul peak, same "
    "dtype)",
    read=lambda model: measured(model.denoiser_use.mfu if model.denoiser_use else None),
)  # fmt: skip
JOULES = Figure[DiffusionModelReport](
    key="joules_per_image", label="J/image", title="Joules per image", kind=Kind.RATE,
    lower_is_better=True,
    read=lambda model: measured(model.joules_per_image.value if model.joules_per_image else None),
)  # fmt: skip
COLD_FIGURES = (
    first_result(
        "first image",
        "from the start of a process to its first image, weights not in memory before",
    ),
    steady("median of the images after the first one in the same process"),
)
FIT_FIGURES = (
    added("bytes_per_image", "per image", "Memory per image of a batch"),
    loaded(),
    largest("largest_batch", "Largest batch that ran", "images in one batch, in every growth"),
)
FIGURES = (RATE, TIME, STEPS, MFU, JOULES, FIRST, *COLD_FIGURES, *FIT_FIGURES)
SUMMARY = (TIME, RATE, STEPS, MFU, JOULES, FIRST, *COLD_FIGURES, *FIT_FIGURES)


def settings_of(model: DiffusionModelReport) -> str:
    """Return its settings, as in `512x512, 1 step, float16, VAE float32, batch 1`."""
    recipe, parts = model.recipe, []
    if recipe:
        parts += [f"{recipe.width}x{recipe.height}"]
        parts += [f"{recipe.steps} step{'s' if recipe.steps > 1 else ''}"]
        parts += [f"guidance {recipe.guidance:g}"] if recipe.is_guided else []
    if model.dtype:
        parts.append(model.dtype)
    if model.vae_dtype and model.vae_dtype != model.dtype:
        parts.append(f"VAE {model.vae_dtype}")
    if model.batch_size:
        parts.append(f"batch {model.batch_size}")
    parts += _tuned(model.attention_kernel, model)
    return ", ".join(parts)


def _tuned(attention: str | None, of: DiffusionModelReport | PictureTrial) -> list[str]:
    """Return what only tuning changes."""
    parts = [f"{attention} attention"] if attention else []
    parts += ["channels last"] if of.channels_last else []
    return [*parts, "compiled"] if of.compiled else parts


def _shares(model: DiffusionModelReport) -> Sequence[float]:
    """Return the mean share of each phase in a pass; empty where the times are invalid."""
    if not model.all_runs or len(model.all_runs) != len(model.samples):
        return ()
    total = sum(sample.duration_s for sample in model.samples)
    sums = [
        sum(getattr(run, f"{stage}_s") for run in model.all_runs)
        for stage in ("text", "denoise", "decode", "pixels")
    ]
    return shares_of([*sums, max(0.0, total - sum(sums))]) if total > 0 else ()


def _trials(model: DiffusionModelReport) -> Sequence[Point]:
    return [
        Point(
            x=trial.batch_size,
            y=trial.images_per_minute,
            series=", ".join([trial.dtype, *_tuned(trial.attention, trial)]),
            text=trial.outcome if trial.images_per_minute is None else "",
        )
        for trial in (model.tuning.trials if model.tuning else ())
        if trial.batch_size > 0
    ][:MAX_TRIALS]


CHARTS: tuple[Chart[DiffusionModelReport], ...] = (
    Chart(
        key="pairs",
        kind=ChartKind.PAIRS,
        title="Fixed and best settings",
        text="Images per minute with the fixed settings and with the best settings that tuning"
        " found on this machine. Bars are 95 % CIs of the medians.",
        figure=RATE,
        workloads=(
            ("diffusion", "diffusion-max"),
            ("diffusion-quick", "diffusion-max-quick"),
        ),
    ),
    Chart(
        key="trials",
        kind=ChartKind.LINES,
        title="Tuning",
        text="Images per minute against batch size, one line per dtype, attention kernel,"
        " memory format and compilation. A cross marks a failed trial.",
        x="batch size",
        doubles=True,
        y="images/min",
        series="settings",
        least=2,
        read=_trials,
    ),
    Chart(
        key="phases",
        kind=ChartKind.SHARES,
        title="Time breakdown of an image",
        text="Phases of all timed passes, with the device synchronised at their ends. At the right:"
        " share of the time outside the denoiser.",
        x="% of the time",
        parts=_PARTS,
        rest_of="denoise",
        read=_shares,
    ),
    Chart(
        key="steps",
        kind=ChartKind.LINES,
        title="Steps",
        text="Time of each denoising step of one batch, in an instrumented pass after the repeats.",
        x="step",
        y="s",
        least=2,
        read=lambda model: [
            Point(x=number, y=spent)
            for number, spent in enumerate(model.steps_s[:MAX_STEPS], start=1)
        ],
    ),
    Chart(
        key="pictures",
        kind=ChartKind.PICTURES,
        title="Pictures",
        text="The first images of the last pass, with their prompts.",
        read=lambda model: [Picture(source=t.source, text=t.prompt) for t in model.thumbnails],
    ),
    parts_chart(PROCESS_PARTS, "from the start of the process to the first image"),
    memory_chart(
        "memory_by_batch", "Memory by batch size", "images per batch",
        "Peak of a new process for each size. A cross marks the size that didn't fit or wasn't"
        " tried.",
    ),
)  # fmt: skip
