"""The bench with real pipelines: the packaged one, and small ones with random weights."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from nobs.catalog import load_catalog
from nobs.data.texts import load_texts
from nobs.errors import OtherModel, RequirementError
from nobs.schema.pins import Architecture, ModelPin, RandomWeights, Source, Workload
from nobs.schema.result import Calibration
from nobs.tasks.base import Work
from nobs.tasks.diffusion.bench import DiffusionBench
from nobs.tasks.diffusion.files import open_pipeline
from nobs.tasks.diffusion.phases import Watch
from nobs.tasks.diffusion.pipeline import make_images, prepare
from nobs.tasks.diffusion.tuning import Attention
from nobs.tasks.parameters import typed
from nobs.tasks.tuning import Refused
from tests.fakes.images import MODEL

pytestmark = pytest.mark.heavy

CATALOG = load_catalog()
SMALL_XL: dict[str, dict[str, Any]] = {
    "unet/config.json": {
        "block_out_channels": [32, 64, 64], "cross_attention_dim": 128,
        "attention_head_dim": [1, 2, 2], "projection_class_embeddings_input_dim": 64 + 6 * 256,
        "transformer_layers_per_block": [1, 1, 2],
    },
    "vae/config.json": {"block_out_channels": [32, 32, 32, 32]},
    "text_encoder/config.json": {
        "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 128,
    },
    "text_encoder_2/config.json": {
        "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 128, "projection_dim": 64,
    },
}  # fmt: skip
"""What makes SDXL small; the rest is as in the catalogue."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def quick(name: str = "diffusion-quick/1", **changes: Any) -> Workload:
    workload = typed(CATALOG.workloads[name])
    return workload.model_copy(update={"params": workload.params.model_copy(update=changes)})


def small_xl() -> ModelPin:
    name = "stabilityai/stable-diffusion-xl-base-1.0"
    real = CATALOG.architectures[name]
    files = {file: {**content, **SMALL_XL.get(file, {})} for file, content in real.files.items()}
    small = Architecture(parameters=10_377_899, tokenizer="bytes", stand_in_for="BPE", files=files)
    return ModelPin(id=name, source=Source.RANDOM, random=RandomWeights(seed=1, architecture=small))


def make_bench(workload: Workload, pin: ModelPin, directory: Path) -> DiffusionBench:
    rows = load_texts(workload.dataset).rows
    return DiffusionBench(
        Work(model=pin, inputs=rows, workload=workload, directory=directory,
             model_path=open_pipeline(pin).path, torch_device="cpu")
    )  # fmt: skip


def run(bench: DiffusionBench) -> dict[str, Any]:
    bench.load()
    bench.warm_up()
    assert bench.run() == len(bench.prompts)
    bench.profile(1.0)
    return bench.facts()


def make_plainly(bench: DiffusionBench, output_type: str) -> Any:
    """Return the images of the call that users write."""
    recipe = bench.recipe
    return bench.pipe(
        prompt=bench.prompts, negative_prompt=[""], latents=bench.latents, width=recipe.width,
        height=recipe.height, num_inference_steps=recipe.steps, guidance_scale=recipe.guidance,
        output_type=output_type,
    ).images  # fmt: skip


def count_calls(work: Callable[[], object]) -> int:
    """Return how many functions the second of two runs calls; unlike its time, it repeats."""
    calls = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    work()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def test_phases_calls_and_flops_of_the_packaged_pipeline(tmp_path: Path) -> None:
    workload = quick(images=3, batch_size=2)
    facts = run(make_bench(workload, workload.models[0], tmp_path))
    (only,) = facts["all_runs"]

    assert (only["denoiser_calls"], only["denoised_latents"]) == (2 * 20, 3 * 20 * 2)
    assert min(only[f"{stage}_s"] for stage in ("text", "denoise", "decode", "pixels")) > 0
    assert len(facts["steps_s"]) == 20
    assert facts["parameters"] == {"unet": 1489028, "vae": 428871, "text_encoder": 102016}
    assert facts["denoiser_flop"] == 52957184
    assert (facts["dtype"], facts["scheduler"]) == ("float32", "EulerDiscreteScheduler")
    assert facts["reduced_memory"] == ()
    assert facts["first_image_s"] > 0


def test_images_are_those_that_the_pipeline_itself_returns(tmp_path: Path) -> None:
    workload = quick(images=1)
    bench = make_bench(workload, workload.models[0], tmp_path)
    bench.load()
    bench.recipe = bench.recipe.model_copy(update={"steps": 2})
    watch = Watch("cpu")
    with watch.on(bench.pipe.unet):
        mine = make_images(bench.pipe, bench.recipe, bench.prompts, bench.latents, watch)

    assert np.array_equal(mine.images, make_plainly(bench, "np"))


def test_a_pass_does_hardly_more_than_the_pipeline_itself(tmp_path: Path) -> None:
    workload = quick(images=1)
    bench = make_bench(workload, workload.models[0], tmp_path)
    bench.load()
    bench.recipe = bench.recipe.model_copy(update={"steps": 2})
    plain, mine = (count_calls(work) for work in (lambda: make_plainly(bench, "pil"), bench.run))

    assert mine - plain < plain / 50


@pytest.mark.long
def test_sdxl_with_random_weights_is_measured_like_any(tmp_path: Path) -> None:
    recipe = {"width": 64, "height": 64, "steps": 2, "guidance": 8.0, "negative_prompt": "blurry"}
    workload = quick("diffusion/1", images=1)
    params = workload.params.model_validate(
        {**workload.params.model_dump(), "recipes": {"*": recipe}}
    )
    pin = small_xl()
    bench = make_bench(workload.model_copy(update={"params": params}), pin, tmp_path)
    facts = run(bench)
    latents, images = bench.batches[0].arrays()

    assert type(bench.pipe).__name__ == "StableDiffusionXLPipeline"
    assert np.isfinite(latents).all()
    assert np.isfinite(images).all()
    assert images.shape == (1, 64, 64, 3)
    assert facts["all_runs"][0]["denoised_latents"] == 4
    assert facts["denoiser_flop"] > 0


@pytest.mark.long
def test_random_weights_are_the_same_again(tmp_path: Path) -> None:
    pin = CATALOG.models[MODEL].model_copy(
        update={
            "source": Source.RANDOM, "package": None, "weights_file": None, "weights_sha256": "",
            "random": RandomWeights(seed=3, architecture=CATALOG.architectures[MODEL]),
        }
    )  # fmt: skip
    benches = [make_bench(quick(images=1), pin, tmp_path) for _ in range(2)]
    for bench in benches:
        bench.load()
        bench.recipe = bench.recipe.model_copy(update={"steps": 2})
        bench.run()
    first, second = (bench.batches[0].arrays()[1] for bench in benches)

    assert np.array_equal(first, second)
    assert np.isfinite(first).all()


@pytest.mark.long
def test_the_best_settings_are_searched_and_used(tmp_path: Path) -> None:
    workload = quick("diffusion-max-quick/1", images=2, tuning_budget_s=60.0)
    bench = make_bench(workload, workload.models[0], tmp_path)
    facts = run(bench)
    tried = facts["tuning"]["trials"]

    assert {trial["dtype"] for trial in tried} == {"bfloat16", "float32"}
    assert {trial["channels_last"] for trial in tried} == {False, True}
    assert {trial["attention"] for trial in tried[:3]} == {None, "math"}
    assert facts["attention_kernel"] == bench.settings.attention
    assert not any(trial["compiled"] for trial in tried)
    assert facts["batch_size"] == bench.settings.batch_size
    assert facts["dtype"] == facts["vae_dtype"] == bench.settings.dtype
    peak = bench.calibrate(None)
    assert isinstance(peak, Calibration)
    assert peak.dtype is bench.settings.dtype


@pytest.mark.parametrize(("kernel", "is_fused"), [(None, True), (Attention.MATH, False)])
def test_the_denoiser_uses_the_chosen_attention_kernel(
    tmp_path: Path, kernel: Attention | None, is_fused: bool
) -> None:
    bench = make_bench(quick(images=1), quick().models[0], tmp_path)
    bench.load()
    prepare(bench.pipe, replace(bench.settings, attention=kernel))
    latents, text = torch.zeros(1, 4, 8, 8), torch.zeros(1, 16, 64)
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU]) as found:
        bench.pipe.unet(latents, 1, encoder_hidden_states=text)

    fused = [event.key for event in found.key_averages() if "flash_attention" in event.key]
    assert bool(fused) is is_fused


def test_a_kernel_that_the_device_lacks_is_a_refused_trial(tmp_path: Path) -> None:
    bench = make_bench(quick(images=1), quick().models[0], tmp_path)
    bench.load()

    with pytest.raises(Refused, match="scaled_dot_product_attention"):
        bench.measure(replace(bench.settings, attention=Attention.CUDNN))


def test_too_little_memory_is_named_before_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nobs.tasks.room.free_memory", lambda: 1 << 20)
    workload = quick(images=1)
    bench = make_bench(workload, workload.models[0], tmp_path)

    with pytest.raises(RequirementError, match=r"take 7\.7 MiB in float32; 1\.0 MiB of memory"):
        bench.load()


def test_another_scheduler_than_the_recipe_s_is_refused(tmp_path: Path) -> None:
    workload = quick()
    recipes = {"*": workload.params.recipe_of(MODEL).model_copy(update={"scheduler": "DDIM"})}  # type: ignore[attr-defined]
    bench = make_bench(quick(recipes=recipes), workload.models[0], tmp_path)

    with pytest.raises(OtherModel, match="has the scheduler EulerDiscreteScheduler; its recipe"):
        bench.load()
