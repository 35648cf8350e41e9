"""Whole runs of image generation through the command line, and its bad inputs."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.command import environment, run_nobs
from tests.fakes.native_run import nobs_run
from tests.fakes.pipelines import STABLE, index_of, write_pipeline

QUICK = ("--profile", "quick", "--task", "diffusion", "--repeats", "1", "--images", "1")


def fail(tmp_path: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the failure of the only step."""
    done = nobs_run(tmp_path, *QUICK, *words, "--json")
    (model,) = json.loads(done.stdout)["tasks"][0]["models"].values()
    assert "Traceback" not in done.stderr
    return done.returncode, model["failure"]


@pytest.mark.long
def test_images_are_measured_without_a_hub_or_a_gpu(tmp_path: Path) -> None:
    done = nobs_run(tmp_path, *QUICK, "--steps", "2", "--json")
    report = json.loads(done.stdout)
    (model,) = report["tasks"][0]["models"].values()

    assert done.returncode == 0, done.stderr
    assert model["weights"]["verified"]
    assert len(model["weights"]["files"]) == 10
    assert model["all_runs"][0]["denoised_latents"] == 4
    assert report["tasks"][0]["task_score"] == pytest.approx(
        3600 / model["final_median_seconds_per_image"]
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--steps", "0"), "0 is not in the range"),
        (("--image-size", "500"), "isn't a multiple of 8"),
        (("--dataset", "./none.txt"), "There is no file of texts"),
    ],
)
def test_a_wrong_word_is_a_usage_error(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    done = run_nobs("run", *QUICK, *words, cwd=tmp_path, env=environment(tmp_path))

    assert done.returncode == 2
    assert told in done.stderr


@pytest.mark.long
def test_a_prompt_of_ten_thousand_characters_and_an_empty_file_are_refused(tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("x" * 10_000 + "\n")
    code, long = fail(tmp_path, "--dataset", str(prompts), "--rows", "1")
    assert code == 3
    assert "Prompt 1 of" in long["message"]
    assert "has 10,000 characters; a prompt may have 1,000" in long["message"]

    prompts.write_text("")
    code, empty = fail(tmp_path, "--dataset", str(prompts), "--rows", "1")
    assert code == 3
    assert "has no texts" in empty["message"]


@pytest.mark.long
def test_a_directory_that_is_no_pipeline_fails_alone_with_its_reason(tmp_path: Path) -> None:
    directory = write_pipeline(tmp_path / "custom")
    index = index_of(STABLE) | {"unet": ["mine", "MyUNet"]}
    (directory / "model_index.json").write_text(json.dumps(index))
    (tmp_path / "empty").mkdir()

    code, custom = fail(tmp_path, "--model", str(directory))
    assert (code, custom["type"]) == (1, "OtherModel")
    assert "names code of its own for unet (['mine', 'MyUNet'])" in custom["message"]
    code, empty = fail(tmp_path, "--model", str(tmp_path / "empty"))
    assert (code, empty["type"]) == (1, "OtherModel")
    assert "has no model_index.json" in empty["message"]


@pytest.mark.long
def test_sd_turbo_at_full_size_makes_an_image_with_random_weights(tmp_path: Path) -> None:
    """A minute of one core and 6.5 GiB; see docs/how-to/generate-images.md."""
    done = nobs_run(
        tmp_path, "--task", "diffusion", "--weights", "random", "--model", "stabilityai/sd-turbo",
        "--images", "1", "--repeats", "1", "--json",
    )  # fmt: skip
    (model,) = json.loads(done.stdout)["tasks"][0]["models"].values()

    assert done.returncode == 0, done.stderr
    assert model["parameters"] == {
        "text_encoder": 340387840, "unet": 865910724, "vae": 83653863,
    }  # fmt: skip
    assert (model["denoiser_flop"], model["decoder_flop"]) == (804257464320, 2514518933504)
    assert model["all_runs"][0]["denoised_latents"] == 1
