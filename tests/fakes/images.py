"""Steps of image generation as values: samples and facts, as the bench returns them."""

from datetime import UTC, datetime
from typing import Any

from nobs.catalog import load_catalog
from nobs.schema.enums import Backend, Status
from nobs.schema.pins import Workload
from nobs.schema.report import ModelReport
from nobs.schema.result import Calibration, Sample, StepResult
from nobs.tasks.diffusion.definition import DEFINITION
from nobs.tasks.diffusion.report import DiffusionModelReport
from nobs.tasks.parameters import typed

NOW = datetime(2026, 1, 2, tzinfo=UTC)
MODEL = "nobs/tiny-digits"


def quick() -> Workload:
    """Return the packaged workload: 10 images, 20 steps, guidance 3."""
    return typed(load_catalog().workloads["diffusion-quick/1"])


def make_result(*durations_s: float, **facts: Any) -> StepResult:
    """Return a step with these passes: 10 % text, 80 % denoiser, 6 % decoder, 3 % pixels."""
    recipe = quick().params.recipe_of(MODEL)  # type: ignore[attr-defined]
    runs = [
        {"text_s": d * 0.1, "denoise_s": d * 0.8, "decode_s": d * 0.06, "pixels_s": d * 0.03,
         "denoiser_calls": 200, "denoised_latents": 400}
        for d in durations_s
    ]  # fmt: skip
    usual = {
        "recipe": recipe.model_dump(), "scheduler": "EulerDiscreteScheduler", "dtype": "float32",
        "vae_dtype": "float32", "batch_size": 1, "images": 10, "parameter_device": "cpu",
        "denoiser_flop": 50_000_000, "first_image_s": 0.9, "all_runs": runs,
    }  # fmt: skip
    peak = Calibration(
        dtype="float32", tf32=False, matmul_size=512, matmul_flop_per_s=50e9, copy_bytes=1,
        copy_bytes_per_s=1.0, duration_s=0.1,
    )  # fmt: skip
    return StepResult(
        step="01", task="diffusion", model=MODEL, status=Status.OK, started=NOW, finished=NOW,
        samples=tuple(
            Sample(start_s=0.0, duration_s=d, units=10, cpu_time_s=0.0) for d in durations_s
        ),
        calibrations=(peak, peak),
        facts=usual | facts,
    )  # fmt: skip


def make_model(*durations_s: float, **facts: Any) -> DiffusionModelReport:
    """Return the report of such a step."""
    result = make_result(*durations_s, **facts)
    base = ModelReport(
        model_name=MODEL, device=Backend.CPU, status=Status.OK, samples=result.samples,
        calibrations=result.calibrations,
    )  # fmt: skip
    return DEFINITION.summarise(result, base)
