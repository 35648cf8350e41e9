"""`nobs run --weights random`: a real run without hub, packages of weights or cache."""

import json
from pathlib import Path
from typing import Any

import pytest

from nobs.report.validation import Ruling, validate_file
from tests.fakes.full_size import FULL_SIZE, check_full_size
from tests.fakes.native_run import nobs_run

SMALL = """
[architectures."lab/small"]
parameters = 1011360
tokenizer = "bert-uncased"

[architectures."lab/small".files]
"modules.json" = [
    { idx = 0, name = "0", path = "", type = "sentence_transformers.models.Transformer" },
    { idx = 1, name = "1", path = "1_Pooling", type = "sentence_transformers.models.Pooling" },
]
"1_Pooling/config.json" = { word_embedding_dimension = 32, pooling_mode_mean_tokens = true }
"config.json" = { model_type = "bert", hidden_size = 32, num_hidden_layers = 2, \
num_attention_heads = 2, intermediate_size = 64, vocab_size = 30522 }
"""
RANDOM = ("--weights", "random", "--repeats", "1")
QUICK = ("--profile", "quick", "--rows", "4")


def models_of(report: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = report["tasks"][0]["models"]
    return found


@pytest.mark.long
def test_a_result_is_open_flagged_and_valid(tmp_path: Path) -> None:
    done = nobs_run(tmp_path, *QUICK, *RANDOM, "--weights-seed", "3", "--task", "embeddings")
    (file,) = (tmp_path / "results").glob("report_*.json")
    ((_, model),) = models_of(json.loads(file.read_text())).items()
    validation = validate_file(file)

    assert done.returncode == 0, done.stderr
    assert "random-weights!" in done.stdout
    assert "random weights (seed 3)" in " ".join(done.stdout.split())
    assert (model["weights"]["random"]["seed"], model["reference"]) == (3, None)
    assert (validation.ruling, validation.faults) == (Ruling.OPEN, ())
    assert not list((tmp_path / "results").rglob("*.safetensors"))


@pytest.mark.long
def test_a_model_without_architecture_fails_alone(tmp_path: Path) -> None:
    lab = tmp_path / "lab.toml"
    lab.write_text(SMALL)
    done = nobs_run(
        tmp_path, "--catalog", str(lab), "--task", "embeddings", "--rows", "4", *RANDOM,
        "--model", "owner/other", "--model", "lab/small", "--json",
    )  # fmt: skip
    models = models_of(json.loads(done.stdout))

    assert done.returncode == 3
    assert {name: each["status"] for name, each in models.items()} == {
        "owner/other": "failed", "lab/small": "ok"
    }  # fmt: skip
    assert (
        "doesn't describe the architecture of owner/other"
        in (models["owner/other"]["failure"]["message"])
    )
    assert models["lab/small"]["parameters"] == 1011360


def test_a_seed_that_is_no_number_is_a_usage_error(tmp_path: Path) -> None:
    done = nobs_run(tmp_path, *QUICK, *RANDOM, "--weights-seed", "lucky")

    assert done.returncode == 2
    assert "Invalid value for '--weights-seed': 'lucky' is not a valid integer" in done.stderr


@pytest.mark.long
@pytest.mark.timeout(2100)
def test_the_standard_workload_runs_at_full_size(tmp_path: Path) -> None:
    done = nobs_run(tmp_path, *FULL_SIZE, timeout_s=2000)

    assert done.returncode == 0, done.stderr
    check_full_size(json.loads(done.stdout))
