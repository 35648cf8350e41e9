"""Real older reports of both kinds as reports of this schema, and what else is refused."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from nobs.errors import InvalidReport, StorageError
from nobs.render.summary import render_summary
from nobs.report.legacy.importer import import_report, write_import
from nobs.report.validation import Ruling, validate_document, validate_file
from nobs.schema.enums import Backend, Division
from nobs.schema.origin import OriginKind
from nobs.schema.report import Report
from nobs.storage.files import to_json
from tests.fakes.command import run_nobs
from tests.fakes.honest_reports import sealed
from tools import json_schema

OLD = Path(__file__).parents[2] / "legacy"
KINDS = ("nobs", "laperf")


@pytest.fixture(params=KINDS)
def report(request: pytest.FixtureRequest) -> Report:
    return import_report(OLD / f"{request.param}.json")


def changed(tmp_path: Path, kind: str, **changes: object) -> Path:
    document = json.loads((OLD / f"{kind}.json").read_text())
    file = tmp_path / "old.json"
    file.write_text(json.dumps(document | changes))
    return file


def model_of(report: Report, task: int, name: str) -> dict[str, Any]:
    return report.tasks[task].models[name].model_dump(mode="json")


def test_scores_of_the_first_nobs_are_recomputed_and_both_are_shown() -> None:
    report = import_report(OLD / "nobs.json")
    embeddings, llms = report.tasks

    assert embeddings.task_score == pytest.approx(2 * 3600 / (2.89 + 2.76))
    assert embeddings.published_score == 637.1681
    assert llms.task_score == pytest.approx(3 * 3600 / 22.8079)
    assert llms.published_score == 157.84
    assert "score 1,274.34 (published 637.17)" in render_summary(report)


def test_figures_of_the_first_nobs_keep_their_names() -> None:
    report = import_report(OLD / "nobs.json")
    gte = model_of(report, 0, "thenlper/gte-large")
    modernbert = model_of(report, 0, "nomic-ai/modernbert-embed-base")
    llm = model_of(report, 1, "gpt-oss-20b")

    assert (gte["final_median_encoding_time_seconds"], gte["final_median_rows_per_second"]) == (
        2.89, 34.55,
    )  # fmt: skip
    assert (gte["dtype"], gte["max_seq_length"], modernbert["max_seq_length"]) == (
        "float32", 512, 8192,
    )  # fmt: skip
    assert gte["encoding_time_interval"] == {
        "low": 2.89, "high": 2.94, "confidence": 0.75, "method": "range of the repeats",
    }  # fmt: skip
    assert (llm["final_median_latency_s"], llm["final_median_ttft_s"]) == (22.8079, 6.5012)
    assert llm["final_median_tokens_per_sec"] == 168.1383


def test_figures_of_its_successor_come_from_its_repeats_and_requests() -> None:
    report = import_report(OLD / "laperf.json")
    embeddings, llms, vlms = report.tasks
    model = model_of(report, 0, "nomic-ai/modernbert-embed-base")
    run = model_of(report, 1, "gpt-oss:20b")["all_runs"][0]

    assert [task.task for task in report.tasks] == ["embeddings", "llms", "vlms"]
    assert model["final_median_encoding_time_seconds"] == 4.6669
    assert embeddings.task_score == pytest.approx(3600 / 4.6669)
    assert (embeddings.dataset_size, llms.dataset_size, vlms.dataset_size) == (3000, 10, 10)
    assert len(run["requests"]) == 10
    assert (
        sum(request["output_tokens"] for request in run["requests"]) == run["total_output_tokens"]
    )
    assert model_of(report, 1, "gpt-oss:20b")["provider"] == "OLLAMA"


def test_a_dump_of_lscpu_becomes_a_name_and_is_kept() -> None:
    report = import_report(OLD / "laperf.json")
    assert report.origin is not None
    kept = report.origin.kept

    assert report.device_info.processor == "Intel Xeon (Icelake) (8)"
    assert kept["device_info"]["processor"].startswith("Architecture: x86_64")
    assert kept["device_info"]["cuda_version"] == "12.8"
    assert kept["power_metrics"]["gpu_watts_p50"] == 282.5
    assert kept["tasks"][0]["models"]["nomic-ai/modernbert-embed-base"]["final_mean_rps"] == 643.553


def test_what_older_reports_do_not_tell_is_absent(report: Report) -> None:
    run = report.run
    models = [model for task in report.tasks for model in task.models.values()]

    assert (run.nobs_version, run.execution, run.started, run.finished) == (None,) * 4
    assert all(
        (model.samples, model.verdict, model.phases, model.weights, model.revision)
        == ((), None, None, None, None)
        for model in models
    )
    assert report.environment == {}
    assert {task.workload.data for task in report.tasks} == {None}


def test_imported_reports_are_legacy_and_never_closed(report: Report) -> None:
    found = validate_document(json.loads(to_json(report)))

    assert {task.workload.division for task in report.tasks} == {Division.LEGACY}
    assert (found.ruling, found.faults) == (Ruling.OPEN, ())
    assert all("imported from an older report" in text for text in found.differences)


def test_imported_reports_follow_the_json_schema(report: Report) -> None:
    validator = Draft202012Validator(json_schema.schema())

    assert list(validator.iter_errors(json.loads(to_json(report)))) == []


def test_the_kind_is_told_from_the_report_itself() -> None:
    kinds = [import_report(OLD / f"{kind}.json").origin for kind in KINDS]

    assert [origin.kind for origin in kinds if origin] == [OriginKind.NOBS, OriginKind.LAPERF]


def test_power_that_was_not_sampled_is_null(tmp_path: Path) -> None:
    origin = import_report(changed(tmp_path, "laperf", power_metrics=None)).origin

    assert origin is not None
    assert origin.kept["power_metrics"] is None


def test_a_forged_import_is_invalid(report: Report) -> None:
    document = json.loads(to_json(report))
    document["tasks"][0]["task_score"] *= 2
    assert validate_document(sealed(document)).ruling is Ruling.INVALID

    document = json.loads(to_json(report))
    document["origin"] = None
    assert validate_document(sealed(document)).ruling is Ruling.INVALID

    document = json.loads(to_json(report))
    document["tasks"][0]["workload"] |= {"division": "closed", "open_reasons": []}
    assert validate_document(sealed(document)).ruling is Ruling.INVALID


def test_files_are_named_after_host_and_content_and_replace_only_themselves(tmp_path: Path) -> None:
    report = import_report(OLD / "nobs.json")
    file = write_import(report, tmp_path / "new")
    assert file.name == "report_Mac16,6_legacy-c79e9a34c3a2.json"
    assert write_import(import_report(OLD / "nobs.json"), tmp_path / "new") == file

    other = write_import(import_report(changed(tmp_path, "nobs", note="x")), tmp_path / "new")
    assert other != file

    file.write_text("{}")
    with pytest.raises(StorageError, match="exists and isn't an import"):
        write_import(report, tmp_path / "new")
    assert file.read_text() == "{}"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tasks": []}, "tasks"),
        ({"tasks": [{"task": "embeddings"}]}, "tasks.0"),
        ({"device_info": {}}, "device_info.platform"),
        ({"timestamp": 12}, "timestamp"),
        ({"schema": "nobs.report/1"}, "isn't an older report"),
    ],
)
def test_what_is_no_older_report_is_refused(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(InvalidReport, match=reason):
        import_report(changed(tmp_path, "nobs", **changes))


@pytest.mark.parametrize(
    ("field", "value"),
    [("host", "../../x"), ("host", "a\nb"), ("device", "abacus"), ("ram_gb", -1), ("ram_gb", "1")],
)
def test_hostile_values_are_refused(tmp_path: Path, field: str, value: object) -> None:
    device = json.loads((OLD / "nobs.json").read_text())["device_info"] | {field: value}

    with pytest.raises(InvalidReport):
        import_report(changed(tmp_path, "nobs", device_info=device))


def test_a_model_under_a_foreign_key_is_refused(tmp_path: Path) -> None:
    tasks = json.loads((OLD / "nobs.json").read_text())["tasks"]
    tasks[0]["models"]["another"] = tasks[0]["models"]["thenlper/gte-large"]

    with pytest.raises(InvalidReport, match="another name than its key"):
        import_report(changed(tmp_path, "nobs", tasks=tasks))


def nobs_import(*arguments: object) -> subprocess.CompletedProcess[str]:
    return run_nobs("import", *map(str, arguments))


def test_the_command_names_files_and_scores(tmp_path: Path) -> None:
    done = nobs_import(OLD / "nobs.json", OLD / "laperf.json", "-o", tmp_path)
    files = sorted(tmp_path.iterdir())

    assert (done.returncode, done.stderr, len(files)) == (0, "", 2)
    assert f"{OLD / 'nobs.json'} -> {files[0]}\n" in done.stdout
    assert "llms, gpt-oss-20b: score 473.52, published 157.84\n" in done.stdout
    assert [validate_file(file).ruling for file in files] == [Ruling.OPEN] * 2


def test_a_file_that_is_none_is_named_and_the_others_are_imported(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("[")
    done = nobs_import("--json", bad, OLD / "nobs.json", "-o", tmp_path / "new")

    assert done.returncode == 1
    assert str(bad) in done.stderr
    assert [entry["file"] for entry in json.loads(done.stdout)] == [str(OLD / "nobs.json")]


def test_an_import_lands_beside_its_file_unless_told_otherwise(tmp_path: Path) -> None:
    old = changed(tmp_path, "nobs")
    done = nobs_import(old)

    assert done.returncode == 0
    assert len(list(tmp_path.glob("report_Mac16,6_legacy-*.json"))) == 1
    assert Backend.MPS in (tmp_path / done.stdout.split(" -> ")[1].split("\n")[0]).read_text()
