"""Memory by size through the command line: real processes and real weights."""

import json
from pathlib import Path
from typing import Any

import pytest

from nobs.report.validation import Ruling, validate_file
from tests.fakes.native_run import nobs_run

FIT = ("--profile", "fit-quick", "--json")
pytestmark = pytest.mark.long


def measure(directory: Path, task: str) -> dict[str, Any]:
    """Return the model of a closed report with three growths."""
    done = nobs_run(directory, *FIT, "--task", task, timeout_s=900)
    assert done.returncode == 0, done.stderr
    (file,) = (directory / "results").glob("report_*.json")
    assert validate_file(file).ruling is Ruling.CLOSED
    model: dict[str, Any]
    (model,) = json.loads(done.stdout)["tasks"][0]["models"].values()
    assert len(model["fit"]["growths"]) == 3
    return model


def test_memory_grows_with_the_rows_of_a_batch(tmp_path: Path) -> None:
    model = measure(tmp_path, "embeddings")
    fit = model["fit"]

    assert fit["largest"] >= 8
    assert fit["final_median_slope_bytes"] > 0
    assert fit["final_median_loaded_bytes"] > fit["growths"][0]["before_bytes"]
    assert model["reference"]["rows"] == 1


def test_memory_grows_with_the_context(tmp_path: Path) -> None:
    fit = measure(tmp_path, "llms")["fit"]

    assert fit["largest"] >= 512
    assert 0.9 < fit["final_median_slope_bytes"] / fit["estimate"]["slope_bytes"] < 2


def test_memory_grows_with_the_images_of_a_batch(tmp_path: Path) -> None:
    model = measure(tmp_path, "diffusion")

    assert model["fit"]["largest"] >= 8
    assert model["fit"]["final_median_slope_bytes"] > 0
    assert model["parameters"]["unet"] == 1489028
