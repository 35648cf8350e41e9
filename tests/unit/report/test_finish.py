"""A step whose data can't be summed up costs neither the report nor the other steps."""

import json
from pathlib import Path
from typing import Any

import pytest

from nobs.report.finish import missing_steps, record_missing, sound_results, write_report
from nobs.schema.enums import Status
from nobs.schema.outcome import Outcome
from nobs.schema.result import StepResult
from nobs.schema.spec import RunSpec
from nobs.storage.rundir import RunDir
from tests.fakes.results import NOW, make_spec, ok

INFINITE = {"status": "ok", "facts": {"tokens": None, "embedding_dimension": "Infinity"}}


@pytest.fixture
def run(tmp_path: Path) -> tuple[RunDir, RunSpec]:
    """A run of two steps; the first is ok."""
    spec = make_spec()
    run_dir = RunDir(tmp_path / "runs" / spec.run_id)
    run_dir.path.mkdir(parents=True)
    (run_dir.path / "steps").mkdir()
    first, _ = spec.steps
    run_dir.write(run_dir.result_file(first.id), ok(first.id, first.model.id, 1.0, 1.1, 1.2))
    return run_dir, spec


def leave(run_dir: RunDir, spec: RunSpec, data: str) -> Path:
    """Let the second step leave `data` as its result."""
    file = run_dir.result_file(spec.steps[1].id)
    file.parent.mkdir()
    file.write_text(data)
    return file


def result_with(spec: RunSpec, facts: dict[str, Any]) -> str:
    second = spec.steps[1]
    result = ok(second.id, second.model.id, 2.0, 2.1, 2.2).model_copy(update={"facts": facts})
    return result.model_dump_json(by_alias=True)


@pytest.mark.parametrize("facts", [{"embedding_dimension": "Infinity"}, {"tokens": "many"}])
def test_a_result_that_can_not_be_summed_up_is_a_failed_step(
    run: tuple[RunDir, RunSpec], facts: dict[str, Any]
) -> None:
    run_dir, spec = run
    file = leave(run_dir, spec, result_with(spec, facts))
    before = file.read_text()

    results = write_report(run_dir, spec, finished=True)

    first, second = spec.steps
    assert (results[first.id].status, results[second.id].status) == (Status.OK, Status.FAILED)
    failure = results[second.id].failure
    assert failure is not None
    assert failure.message.startswith("The step's result can't be used: ")
    assert f"nobs run --resume {spec.run_id}" in failure.remedy
    assert file.with_name("unusable.json").read_text() == before
    report = run_dir.read_report()
    models = report.tasks[0].models
    assert [model.status for model in models.values()] == [Status.OK, Status.FAILED]
    assert missing_steps(run_dir, spec) == [second]


@pytest.mark.parametrize("data", ["", "{", "[]", '{"step": 1}', json.dumps(INFINITE)])
def test_a_result_that_can_not_be_read_is_a_failed_step(
    run: tuple[RunDir, RunSpec], data: str
) -> None:
    run_dir, spec = run
    leave(run_dir, spec, data)

    assert missing_steps(run_dir, spec) == [spec.steps[1]]
    assert len(sound_results(run_dir, spec)) == 2
    write_report(run_dir, spec, finished=True)
    assert run_dir.read_report().run.status is Status.FAILED


def test_a_run_that_is_taken_over_survives_such_a_result(run: tuple[RunDir, RunSpec]) -> None:
    from nobs.errors import FailureClass  # noqa: PLC0415
    from nobs.launch.run.ending import finish  # noqa: PLC0415
    from nobs.schema.enums import Execution  # noqa: PLC0415

    run_dir, spec = run
    leave(run_dir, spec, result_with(spec, {"tokens": "many"}))
    outcome = Outcome(execution=Execution.NATIVE, exit_code=None, started=NOW, finished=NOW)

    finished = finish(run_dir, spec, outcome)

    assert finished.exit_code == 1
    assert finished.report.tasks[0].models[spec.steps[0].model.id].status is Status.OK
    record_missing(run_dir, spec, FailureClass.INFRA, "gone")
    assert sound_results(run_dir, spec)[spec.steps[1].id].failure is not None


def test_a_step_that_computed_wrongly_has_failed_for_everybody(
    run: tuple[RunDir, RunSpec],
) -> None:
    run_dir, spec = run
    reference = {"rows": 100, "lowest_cosine": 0.5, "threshold": 0.9999}
    leave(run_dir, spec, result_with(spec, {"dtype": "float32", "reference": reference}))

    write_report(run_dir, spec, finished=True)

    found = run_dir.find_result(spec.steps[1].id)
    assert found is not None
    assert (found.status, len(found.samples)) == (Status.FAILED, 3)
    assert missing_steps(run_dir, spec) == [spec.steps[1]]


def test_half_characters_are_written_as_replacements(run: tuple[RunDir, RunSpec]) -> None:
    run_dir, spec = run
    second = spec.steps[1]
    result = ok(second.id, second.model.id, 2.0, 2.1, 2.2)
    result = result.model_copy(update={"warnings": ("an emoji \ud83d\ude00, half of one \ud83d",)})

    run_dir.write(run_dir.result_file(second.id), result)

    found = run_dir.find_result(second.id)
    assert isinstance(found, StepResult)
    assert found.warnings == ("an emoji \U0001f600, half of one \ufffd",)
    assert found.samples == result.samples
    assert found.started == result.started
