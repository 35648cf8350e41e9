import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from nobs.errors import FailureClass, exit_code_of
from nobs.report.build import build_report, fingerprint, seal
from nobs.schema.enums import Division, Status
from nobs.schema.pins import Workload
from nobs.schema.report import Report
from nobs.schema.result import Sample
from tests.fakes.results import failed, make_spec, ok, results_of


def test_known_fields_keep_names_places_and_values() -> None:
    spec = make_spec()
    first, second = spec.steps
    report = build_report(
        spec,
        results_of(
            spec, ok(first.id, first.model.id, 2.0, 4.0, 3.0), ok(second.id, second.model.id, 1.0)
        ),
        finished=True,
    )
    task = json.loads(report.model_dump_json(by_alias=True))["tasks"][0]
    model = task["models"]["thenlper/gte-large"]

    assert (task["task"], task["dataset_size"], task["task_score"]) == ("embeddings", 100, 1800.0)
    assert model["final_median_encoding_time_seconds"] == 3.0
    assert model["final_median_rows_per_second"] == pytest.approx(100 / 3)
    assert model["final_median_tokens_per_second"] == pytest.approx(1000 / 3)
    assert (model["device"], model["embedding_dimension"], model["dtype"]) == (
        "cpu",
        1024,
        "float32",
    )
    assert [run["encoding_time_seconds"] for run in model["all_runs"]] == [2.0, 4.0, 3.0]
    assert model["encoding_time_interval"] == {
        "low": 2.0, "high": 4.0, "confidence": 0.75, "method": "range of the repeats",
    }  # fmt: skip


def test_failed_model_leaves_no_score_and_keeps_the_others() -> None:
    spec = make_spec()
    first, second = spec.steps
    results = results_of(
        spec, ok(first.id, first.model.id, 2.0), failed(second.id, second.model.id)
    )
    report = build_report(spec, results, finished=True)

    assert report.tasks[0].task_score is None
    assert report.run.status is Status.FAILED
    assert report.tasks[0].models["thenlper/gte-large"].status is Status.OK


def test_report_of_an_unfinished_run_holds_what_is_there() -> None:
    spec = make_spec()
    step = spec.steps[0]
    report = build_report(spec, results_of(spec, ok(step.id, step.model.id, 2.0)), finished=False)

    assert list(report.tasks[0].models) == ["thenlper/gte-large"]
    assert report.tasks[0].task_score is None
    assert report.run.finished is None


def test_no_result_at_all_is_a_report_without_tasks() -> None:
    assert build_report(make_spec(), {}, finished=True).tasks == ()


def test_environment_is_that_of_the_first_step_with_torch() -> None:
    spec = make_spec()
    seen: list[dict[str, Any]] = [
        {},
        {"host": {"on_battery": True}},
        {"host": {"kernel": "6"}, "torch": {"threads": 2}},
    ]
    results = {
        str(number): ok(str(number), "m").model_copy(update={"environment": environment})
        for number, environment in enumerate(seen)
    }
    report = build_report(spec, results, finished=True)
    del results["2"]

    assert report.environment == seen[2]
    assert [flag.name for flag in report.run.flags] == ["on-battery"]
    assert build_report(spec, results, finished=True).environment == seen[1]
    assert build_report(spec, {}, finished=True).environment == {}


def test_digest_survives_writing_and_reading_and_catches_one_digit() -> None:
    spec = make_spec()
    step = spec.steps[0]
    report = build_report(spec, results_of(spec, ok(step.id, step.model.id, 2.0)), finished=True)
    text = report.model_dump_json(by_alias=True)
    read = Report.model_validate_json(text)
    forged = Report.model_validate_json(text.replace('_seconds":2.0', '_seconds":1.0'))

    assert seal(read).digest == report.digest
    assert seal(forged).digest != report.digest


def test_open_results_say_why_and_have_another_fingerprint() -> None:
    closed, opened = make_spec().workloads[0], make_spec(batch_size=8).workloads[0]

    assert (closed.division, opened.division) == (Division.CLOSED, Division.OPEN)
    assert fingerprint(closed) != fingerprint(opened)


def test_repeats_do_not_change_the_fingerprint() -> None:
    assert fingerprint(make_spec().workloads[0]) == fingerprint(make_spec(repeats=9).workloads[0])


def test_unknown_fields_and_nan_are_refused() -> None:
    with pytest.raises(ValidationError):
        Sample(start_s=0.0, duration_s=float("nan"), units=1, cpu_time_s=0.0)
    with pytest.raises(ValidationError):
        Workload.model_validate({**make_spec().workloads[0].model_dump(), "surprise": 1})


@pytest.mark.parametrize(
    ("failures", "code"),
    [
        ([], 0),
        ([FailureClass.OOM], 1),
        ([FailureClass.BENCHMARK, FailureClass.BACKEND_MISSING], 3),
        ([FailureClass.REQUIREMENT, FailureClass.HOST_API], 4),
        ([FailureClass.TIMEOUT, FailureClass.OOM], 5),
        ([FailureClass.INFRA, FailureClass.INTERRUPTED], 130),
    ],
)
def test_gravest_failure_is_the_exit_code(failures: list[FailureClass], code: int) -> None:
    assert exit_code_of(failures) == code


def test_report_of_a_hostile_host_name_stays_in_the_results(tmp_path: Path) -> None:
    from nobs.storage.store import publish  # noqa: PLC0415

    spec = make_spec()
    device = spec.device_info.model_copy(update={"host": "../../../etc/<b>\n"})
    report = build_report(spec.model_copy(update={"device_info": device}), {}, finished=True)

    assert publish(tmp_path, report) == tmp_path / "report_etc-b.json"


def test_what_only_loading_shows_makes_a_closed_workload_open() -> None:
    spec = make_spec()
    first, second = spec.steps
    encoder = {
        "modules": ["Transformer", "Pooling"], "architecture": "BertModel", "pooling": "mean",
        "route": None, "prompt": None, "origin": "guessed",
        "published_architecture": "BertForMaskedLM",
    }  # fmt: skip
    guessed = ok(first.id, first.model.id, 1.0)
    guessed = guessed.model_copy(
        update={"facts": guessed.facts | {"encoder": encoder, "max_seq_length": 512}}
    )
    sure = ok(second.id, second.model.id, 1.0)
    task = build_report(spec, results_of(spec, guessed, sure), finished=True).tasks[0]

    assert spec.workloads[0].division is Division.CLOSED
    assert task.workload.division is Division.OPEN
    assert task.workload.open_reasons == (
        f"models: {first.model.id} without modules.json, pooling guessed (mean)",
    )
    assert task.workload.fingerprint == fingerprint(spec.workloads[0])
    assert "published as BertForMaskedLM" in task.models[first.model.id].warnings[0]


def test_a_step_that_computed_wrongly_has_failed_and_leaves_no_score() -> None:
    spec = make_spec()
    first, second = spec.steps
    right = ok(second.id, second.model.id, 2.0)
    wrong = ok(first.id, first.model.id, 2.0)
    reference = {"rows": 100, "lowest_cosine": 0.5, "threshold": 0.9999}
    wrong = wrong.model_copy(update={"facts": wrong.facts | {"reference": reference}})
    report = build_report(spec, results_of(spec, wrong, right), finished=True)
    (task,) = report.tasks
    model = task.models[first.model.id]

    assert (model.status, task.task_score) == (Status.FAILED, None)
    assert model.failure is not None
    assert "cosine 0.500000" in model.failure.message
    assert report.run.status is Status.FAILED
