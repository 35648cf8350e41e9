"""`nobs run` with models that are not what a bare name promises: kept apart, named or refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from nobs.report.validation import Ruling, validate_file
from tests.fakes import encoders
from tests.fakes.native_run import nobs_run

# One run of four models; tests/unit/tasks/text_embeddings/test_kinds.py tests each kind alone.
pytestmark = [pytest.mark.long, pytest.mark.heavy]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path, dict[str, Any]]:
    """Measure four models in one run."""
    root = tmp_path_factory.mktemp("kinds")
    names = {
        "static": encoders.saved(root / "static", encoders.static(root)),
        "router": encoders.saved(root / "router", *encoders.DENSE["Router"](root / "parts")),
        "plain": encoders.bert(root / "plain"),
        "splade": encoders.splade(root / "splade", root / "parts"),
    }
    options = [word for path in names.values() for word in ("--model", str(path))]
    done = nobs_run(root, "--profile", "quick", "--task", "embeddings", "--rows", "6",
                    "--repeats", "2", "--json", *options)  # fmt: skip
    report = json.loads(done.stdout)
    models = {Path(name).name: model for name, model in report["tasks"][0]["models"].items()}
    file = next((root / "results").glob("report_*.json"))
    return done.returncode, file, models | {"workload": report["tasks"][0]["workload"]}


def test_a_sparse_encoder_fails_its_own_step_only(run: tuple[int, Path, dict[str, Any]]) -> None:
    code, _, models = run
    failure = models["splade"]["failure"]

    assert code == 1
    assert [models[name]["status"] for name in ("static", "router", "plain", "splade")] == [
        "ok", "ok", "ok", "failed"
    ]  # fmt: skip
    assert failure["type"] == "OtherModel"
    assert "is a sparse encoder" in failure["message"]
    assert models["splade"]["samples"] == []


def test_the_report_says_what_was_loaded(run: tuple[int, Path, dict[str, Any]]) -> None:
    _, _, models = run

    assert models["static"]["encoder"]["modules"] == ["StaticEmbedding"]
    assert models["static"]["utilisation"] is None
    assert any("FLOPs are not counted" in text for text in models["static"]["warnings"])
    assert models["router"]["encoder"]["route"] == "document"
    assert any("by the route document" in text for text in models["router"]["warnings"])
    assert models["plain"]["encoder"]["origin"] == "guessed"
    assert any("no modules.json" in text for text in models["plain"]["warnings"])


def test_what_was_guessed_is_an_open_reason(run: tuple[int, Path, dict[str, Any]]) -> None:
    _, _, models = run
    reasons = " ".join(models["workload"]["open_reasons"])

    assert "plain without modules.json, pooling guessed (mean)" in reasons
    assert "params.max_seq_length: none instead of 256" in reasons


def test_a_report_that_hides_the_guess_is_refused(
    run: tuple[int, Path, dict[str, Any]], tmp_path: Path
) -> None:
    _, file, _ = run
    assert validate_file(file).ruling is Ruling.OPEN

    report = json.loads(file.read_text())
    workload = report["tasks"][0]["workload"]
    workload["open_reasons"] = [r for r in workload["open_reasons"] if "guessed" not in r]
    hidden = tmp_path / "report.json"
    hidden.write_text(json.dumps(report))
    found = validate_file(hidden)

    assert found.ruling is Ruling.INVALID
    assert any("pooling guessed" in fault for fault in found.faults)
