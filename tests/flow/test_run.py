"""`nobs run` from command line to report, natively, with real models and a real hub client."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nobs.catalog import load_catalog
from nobs.report.validation import Ruling, Validation, validate_file
from nobs.schema.report import Report
from tests.fakes.hub import FakeHub, fake_hub
from tests.fakes.native_run import nobs_run

pytestmark = pytest.mark.long

IMDB = load_catalog().datasets["stanfordnlp/imdb"]
type Run = tuple[Path, subprocess.CompletedProcess[str]]
SHORT = ("--profile", "quick", "--repeats", "2", "--json")
EMBEDDINGS = ("--task", "embeddings", "--rows", "6")
BOTH = ("--task", "embeddings,llms", "--rows", "6", "--max-output-tokens", "8")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHub]:
    """A hub with the repositories of `embeddings/1`, tiny but of the true architecture."""
    root = tmp_path_factory.mktemp("hub")
    subprocess.run([sys.executable, "-m", "tests.fakes.models", str(root), "--tiny"], check=True)
    with fake_hub(root) as server:
        yield server


@pytest.fixture(scope="module")
def quick(
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    tmp_path = tmp_path_factory.mktemp("quick")
    return tmp_path / "results", nobs_run(tmp_path, *SHORT, *EMBEDDINGS)


def test_embedded_model_is_measured_without_a_hub(
    quick: Run,
) -> None:
    _, done = quick
    report = json.loads(done.stdout)
    model: dict[str, Any] = report["tasks"][0]["models"]["sentence-transformers/all-MiniLM-L6-v2"]

    assert done.returncode == 0
    assert (model["status"], model["embedding_dimension"], model["dtype"]) == ("ok", 384, "float32")
    assert model["weights"]["verified"]
    assert (model["reference"]["rows"], model["work"]["flop_method"]) == (6, "formula of BERT")
    assert len(model["calibrations"]) == 2
    assert model["encode_phases"]["forward_s"] > 0
    assert (model["max_seq_length"], model["batch_size"], len(model["all_runs"])) == (256, 16, 2)
    assert report["tasks"][0]["task_score"] == pytest.approx(
        3600 / model["final_median_encoding_time_seconds"]
    )


def test_embedded_llm_is_measured_first_through_its_own_server(tmp_path: Path) -> None:
    done = nobs_run(tmp_path, *SHORT, *BOTH)
    report = json.loads(done.stdout)
    model: dict[str, Any] = report["tasks"][1]["models"]["SmolLM2-135M-Instruct-Q4_1"]

    assert (model["status"], len(model["all_runs"])) == ("ok", 2)
    assert model["weights"]["verified"]
    assert model["token_count_sources"] == {"usage": 6}
    assert 0 < model["final_median_ttft_s"] < model["final_median_latency_s"]
    assert model["total_output_tokens"] <= 6 * 8
    assert (model["server"]["provider"], model["server"]["locality"]) == ("llamacpp", "local")
    assert report["tasks"][1]["task_score"] == pytest.approx(
        3 * 3600 / model["final_median_latency_s"]
    )
    assert report["tasks"][1]["workload"]["open_reasons"] == [
        "params.max_output_tokens: 8 instead of 64", "policy.repeats: 2, below 3"
    ]  # fmt: skip
    assert report["tasks"][0]["models"]["sentence-transformers/all-MiniLM-L6-v2"]["status"] == "ok"
    (run_dir,) = (tmp_path / "results" / "runs").iterdir()
    assert {path.name for path in (run_dir / "steps").iterdir()} == {
        "01-llms-SmolLM2-135M-Instruct-Q4_1", "02-embeddings-all-MiniLM-L6-v2"
    }  # fmt: skip
    assert (run_dir / "steps/01-llms-SmolLM2-135M-Instruct-Q4_1/requests.jsonl.gz").is_file()
    assert "step 2/2: sentence-transformers/all-MiniLM-L6-v2" in done.stderr


def test_printed_report_is_the_one_in_the_files(
    quick: Run,
) -> None:
    results, done = quick
    printed = Report.model_validate_json(done.stdout)
    run_dir = results / "runs" / printed.run.id

    published = next(results.glob("report_*.json"))
    assert Report.model_validate_json(published.read_text()) == printed
    assert Report.model_validate_json((run_dir / "report.json").read_text()) == printed


def test_run_directory_holds_order_events_result_and_outcome(
    quick: Run,
) -> None:
    results, _ = quick
    run_dir = next((results / "runs").iterdir())
    files = {str(path.relative_to(run_dir)) for path in run_dir.rglob("*") if path.is_file()}

    assert files == {
        "spec.json", "events.jsonl", "report.json", "outcome.json", "state.json", "heartbeat",
        "steps/01-embeddings-all-MiniLM-L6-v2/result.json",
        "steps/01-embeddings-all-MiniLM-L6-v2/telemetry.jsonl",
    }  # fmt: skip


def test_sensors_are_read_while_measuring(quick: Run) -> None:
    report = json.loads(quick[1].stdout)
    model = report["tasks"][0]["models"]["sentence-transformers/all-MiniLM-L6-v2"]
    told = model["telemetry"]
    processor = next(device for device in told["devices"] if device["kind"] == "cpu")

    timed_s = sum(run["encoding_time_seconds"] for run in model["all_runs"])
    assert told["timed_s"] == pytest.approx(timed_s)
    first, last = model["samples"][0], model["samples"][-1]
    assert told["span_s"] == pytest.approx(last["start_s"] + last["duration_s"] - first["start_s"])
    assert 0 < processor["utilisation"]["value"] <= 1
    assert told["system"]["memory_peak_bytes"]["evidence"] == "measured"


def test_progress_is_plain_lines_on_stderr(
    quick: Run,
) -> None:
    _, done = quick

    assert "step 1/1: sentence-transformers/all-MiniLM-L6-v2" in done.stderr
    assert "repeat 2/2:" in done.stderr
    assert "\x1b" not in done.stderr


def test_the_quick_profile_unchanged_is_closed(tmp_path: Path) -> None:
    done = nobs_run(tmp_path, "--profile", "quick", "--repeats", "3", "--json")
    published = next((tmp_path / "results").glob("report_*.json"))

    assert done.returncode == 0
    assert validate_file(published) == Validation(ruling=Ruling.CLOSED)


def test_true_architectures_and_another_data_set_come_from_the_hub(
    hub: FakeHub, tmp_path: Path
) -> None:
    dataset = f"{IMDB.id}@{IMDB.revision}"
    done = nobs_run(
        tmp_path, "--task", "embeddings", "--dataset", dataset, "--rows", "20", "--repeats", "3",
        "--json", hub=hub.url,
    )  # fmt: skip
    report = json.loads(done.stdout)
    task = report["tasks"][0]

    assert done.returncode == 0
    assert task["workload"]["division"] == "open"
    assert "dataset.rows: 20 instead of 100" in task["workload"]["open_reasons"]
    assert [(m["status"], m["dtype"], m["max_seq_length"]) for m in task["models"].values()] == [
        ("ok", "float32", 512)
    ] * 2
    assert [m["weights"]["revision"] for m in task["models"].values()] == [
        model.revision for model in load_catalog().workload("embeddings", "standard").models
    ]


def test_the_machines_best_is_measured_on_repeated_texts(hub: FakeHub, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("".join(f"{'rain ' * count}\n" for count in range(1, 21)))
    done = nobs_run(
        tmp_path, "--profile", "max", "--task", "embeddings", "--dataset", str(texts),
        "--rows", "20", "--repeats", "3", "--model", "thenlper/gte-large", "--json", hub=hub.url,
    )  # fmt: skip
    task = json.loads(done.stdout)["tasks"][0]
    model = task["models"]["thenlper/gte-large"]

    assert done.returncode == 0
    assert task["workload"]["name"] == "embeddings-max/1"
    assert model["rows_per_pass"] % 20 == 0
    assert [sample["units"] for sample in model["samples"]] == [model["rows_per_pass"]] * 3
    assert {trial["dtype"] for trial in model["tuning"]["trials"]} == {"bfloat16", "float32"}
    assert model["utilisation"]["model_flop_per_s"] > 0


def test_texts_with_another_sha256_are_never_measured(hub: FakeHub, tmp_path: Path) -> None:
    done = nobs_run(tmp_path, "--repeats", "3", hub=hub.url)

    assert done.returncode == 3
    assert "sha256" in done.stderr
    assert not list((tmp_path / "results").glob("report_*.json"))


def test_unreachable_hub_without_a_cache_names_the_remedy(tmp_path: Path) -> None:
    done = nobs_run(tmp_path, "--repeats", "3")

    assert done.returncode == 3
    assert "127.0.0.1:9" in done.stderr
    assert "nobs prefetch" in done.stderr
