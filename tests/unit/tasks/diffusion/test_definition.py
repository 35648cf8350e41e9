"""Options, figures and contradictions of image generation, on samples written by hand."""

from typing import Any

import pytest

from nobs.errors import UsageError
from nobs.report.compare import compare_reports
from nobs.report.leaderboard import arrange, flatten
from nobs.report.price import Prices
from nobs.report.rank import rank
from nobs.schema.enums import Backend, Dtype
from nobs.schema.pins import Params
from nobs.schema.report import Report, TaskReport, WorkloadRef
from nobs.tasks.diffusion.definition import DEFINITION
from nobs.tasks.diffusion.figures import CHARTS, settings_of
from nobs.tasks.diffusion.params import DiffusionParams, Recipe
from tests.fakes.images import MODEL, make_model, make_result, quick
from tests.fakes.reports import make_report
from tests.fakes.reports import workload as reference

GUIDED = {"width": 64, "height": 64, "steps": 4, "guidance": 2.0}
SHARES = next(chart for chart in CHARTS if chart.key == "phases")


def params(**recipe: Any) -> DiffusionParams:
    recipes = {"a/b": Recipe(**GUIDED | recipe), "*": Recipe(**GUIDED)}
    return DiffusionParams(seed=1, images=2, recipes=recipes)


def test_options_of_recipes_change_every_recipe() -> None:
    changed = DEFINITION.apply(params(steps=1), {"image_size": 128, "guidance": 1.0, "steps": 9})

    assert isinstance(changed, DiffusionParams)
    wanted = Recipe(width=128, height=128, steps=9, guidance=1.0)
    assert changed.recipes == {"a/b": wanted, "*": wanted}
    assert changed.recipe_of("c/d") == wanted
    assert not wanted.is_guided


@pytest.mark.parametrize(("size", "remedy"), [(500, "Use 496 or 504."), (3, "Use 8.")])
def test_a_size_that_the_decoder_can_t_make_is_refused_with_those_next_to_it(
    size: int, remedy: str
) -> None:
    with pytest.raises(UsageError) as caught:
        DEFINITION.apply(params(), {"image_size": size})

    assert caught.value.message == f"--image-size is {size}, which isn't a multiple of 8."
    assert caught.value.remedy == remedy


@pytest.mark.parametrize("changes", [{"steps": 0}, {"width": 12}, {"guidance": -1.0}])
def test_a_catalogue_s_impossible_recipe_is_refused(changes: dict[str, Any]) -> None:
    values = params().model_dump() | {"recipes": {"*": {**GUIDED, **changes}}}

    with pytest.raises(UsageError, match=r"recipes\.\*\."):
        DEFINITION.apply(params(), {"recipes": values["recipes"]})


def test_figures_follow_from_the_samples() -> None:
    model = make_model(2.0, 4.0, 3.0)

    assert model.final_median_seconds_per_image == 0.3
    assert model.final_median_images_per_minute == pytest.approx(200)
    assert model.final_median_denoiser_steps_per_second == pytest.approx(200 / 2.4)
    assert model.denoiser_use is not None
    assert model.denoiser_use.denoiser_flop_per_s == pytest.approx(400 * 50e6 / 2.4)
    assert model.denoiser_use.mfu == pytest.approx(400 * 50e6 / 2.4 / 50e9)
    assert [run.seconds_per_image for run in model.all_runs] == [0.2, 0.4, 0.3]
    assert DEFINITION.score([model]) == pytest.approx(3600 / 0.3)
    assert list(SHARES.read(model)) == pytest.approx([0.1, 0.8, 0.06, 0.03, 0.01])
    assert settings_of(model) == "32x32, 20 steps, guidance 3, float32, batch 1"
    assert next(DEFINITION.details(model)) == (
        "Each figure is at 32x32, 20 steps, guidance 3, float32, batch 1."
    )
    assert list(DEFINITION.find_contradictions(model, quick())) == []


def report_of(batch_size: int, rate: float = 1.0) -> Report:
    """Return a report of one model, tuned to this batch size."""
    model = make_model(2.0 / rate, 2.1 / rate, 1.9 / rate, batch_size=batch_size)
    task = TaskReport(
        task="diffusion", dataset_size=10, models={MODEL: model}, task_score=None,
        workload=WorkloadRef.model_validate(reference("diffusion-max-quick/1", "closed")),
    )  # fmt: skip
    name = f"batch {batch_size}, {rate}"
    return make_report(name, run=name, tasks=()).model_copy(update={"tasks": (task,)})


def test_batches_of_different_sizes_are_never_ranked_together() -> None:
    reports = [report_of(1), report_of(4, 3.0), report_of(4, 2.0)]
    (table,) = arrange([flatten("", report) for report in reports]).tables
    rankings = rank(reports, prices=Prices())

    assert [(place, row.model) for place, row in table.ranked()] == [
        (1, f"{MODEL}, batch 1"), (1, f"{MODEL}, batch 4"), (2, f"{MODEL}, batch 4"),
    ]  # fmt: skip
    assert [(each.model, len(each.places)) for each in rankings] == [
        (f"{MODEL}, batch 1", 1), (f"{MODEL}, batch 4", 2),
    ]  # fmt: skip


def test_batches_of_different_sizes_are_not_compared() -> None:
    other = compare_reports(report_of(1), report_of(4), names=("a", "b"))
    alike = compare_reports(report_of(4), report_of(4, 2.0), names=("a", "b"))

    (refusal,) = other.refusals
    assert refusal.reason == "batch 1 in the baseline and batch 4 in the other report"
    assert refusal.is_loss
    assert other.lines == ()
    assert next(line.model for line in alike.lines) == f"{MODEL}, batch 4"


def test_a_report_is_rebuilt_from_itself() -> None:
    model, result = make_model(2.0, 4.0), make_result(2.0, 4.0)

    again = DEFINITION.rebuild(result.model_copy(update={"facts": {}}), model)
    assert DEFINITION.summarise(again, model) == model


def test_a_denoiser_faster_than_the_peak_has_no_mfu() -> None:
    model = make_model(2.0, denoiser_flop=10**12)

    assert model.denoiser_use is not None
    assert model.denoiser_use.mfu is None
    assert any("No MFU" in warning for warning in model.warnings)


def test_cut_prompts_are_a_warning() -> None:
    assert any("text encoder reads: 2." in each for each in make_model(2.0, cut_prompts=2).warnings)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"dtype": "bfloat16"}, "dtype is bfloat16, but the workload asks for float32"),
        ({"batch_size": 2}, "batch_size is 2, but the workload asks for 1"),
        ({"scheduler": "DDIMScheduler"}, "scheduler is DDIMScheduler, not EulerDiscrete"),
        ({"reduced_memory": ("use_tiling",)}, "reduced_memory is use_tiling"),
        ({"parameter_device": "cuda:0"}, None),
    ],
)
def test_unmet_parameters_are_contradictions(facts: dict[str, Any], told: str | None) -> None:
    found = list(DEFINITION.find_contradictions(make_model(2.0, **facts), quick()))

    assert any(told in each for each in found) if told else found == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"denoiser_calls": 199}, "repeat 1 has 199 calls of the denoiser with 400 latents"),
        ({"denoised_latents": 200}, "the recipe needs 200 with 400"),
        ({"denoise_s": 1.9}, "the phases of repeat 1 take"),
        ({"denoise_s": 0.8}, "the phases of repeat 1 take"),
        ({"decode_s": -0.1}, "the phases of repeat 1 take"),
    ],
)
def test_impossible_repeats_are_contradictions(change: dict[str, Any], told: str) -> None:
    model = make_model(2.0)
    runs = (model.all_runs[0].model_copy(update=change),)
    changed = model.model_copy(update={"all_runs": runs})

    found = list(DEFINITION.find_contradictions(changed, quick()))
    assert any(told in each for each in found)


def test_float16_on_a_cpu_is_noted() -> None:
    slow = params().model_copy(update={"dtype": Dtype.FLOAT16})

    assert len(list(DEFINITION.find_notes(slow, Backend.CPU))) == 1
    assert list(DEFINITION.find_notes(slow, Backend.CUDA)) == []
    assert list(DEFINITION.find_notes(params(), Backend.CPU)) == []


def test_the_catalogue_s_recipes_are_those_of_the_models() -> None:
    fast: Params = quick().params
    assert isinstance(fast, DiffusionParams)
    assert fast.recipe_of(MODEL).is_guided
