"""Results and reports of steps and runs that did not finish normally."""

from datetime import UTC, datetime

from nobs.errors import REMEDIES, FailureClass
from nobs.report.build import build_report, summarise
from nobs.schema.enums import Status
from nobs.schema.report import ModelReport
from nobs.schema.result import Failure, StepResult
from nobs.schema.spec import RunSpec, StepSpec
from nobs.storage.rundir import RunDir
from nobs.tasks.parameters import typed_spec
from nobs.text import to_line


def empty_result(spec: RunSpec, step: StepSpec, started: datetime, failure: Failure) -> StepResult:
    """Return the result of a step that measured nothing: failed, or lost if it was killed."""
    return StepResult(
        step=step.id,
        task=spec.workload_of(step).task,
        model=step.model.id,
        status=Status.LOST if failure.failure_class is FailureClass.INFRA else Status.FAILED,
        started=started,
        finished=datetime.now(UTC),
        failure=failure,
    )


def sound_results(run_dir: RunDir, spec: RunSpec) -> dict[str, StepResult]:
    """Return the results so far, by step; each of them can be summarised.

    A step whose result is unreadable or wrong has failed; the report keeps the other steps. The
    unreadable file is kept as `unusable.json`.
    """
    return {step: result for step, (result, _) in _summarised(run_dir, spec).items()}


def _summarised(run_dir: RunDir, spec: RunSpec) -> dict[str, tuple[StepResult, ModelReport]]:
    spec = typed_spec(spec)
    found = {step.id: _sound_result(run_dir, spec, step) for step in spec.steps}
    return {step: pair for step, pair in found.items() if pair is not None}


def _sound_result(
    run_dir: RunDir, spec: RunSpec, step: StepSpec
) -> tuple[StepResult, ModelReport] | None:
    started = datetime.now(UTC)
    try:
        result = run_dir.find_result(step.id)
        if result is None:
            return None
        model = summarise(spec, step, result)
        if model.status is not result.status:
            result = result.model_copy(update={"status": model.status, "failure": model.failure})
            run_dir.write(run_dir.result_file(step.id), result)
    except Exception as error:  # noqa: BLE001 - one step's data must not cost the others' report
        file = run_dir.result_file(step.id)
        kept = file.replace(file.with_name("unusable.json"))
        failure = Failure(
            failure_class=FailureClass.BENCHMARK,
            type=type(error).__name__,
            message=f"The step's result can't be used: {to_line(error, 300)}.",
            remedy=f"Repeat the step with `nobs run --resume {spec.run_id}`. The file is kept as"
            f" {kept.parent.name}/{kept.name}.",
        )
        result = empty_result(spec, step, started, failure)
        model = summarise(spec, step, result)
        run_dir.write(file, result)
    return result, model


def missing_steps(run_dir: RunDir, spec: RunSpec) -> list[StepSpec]:
    """Return the steps that are not ok or were interrupted, in order."""
    results = sound_results(run_dir, spec)
    return [s for s in spec.steps if s.id not in results or not results[s.id].is_complete]


def record_missing(
    run_dir: RunDir,
    spec: RunSpec,
    kind: FailureClass,
    message: str,
    *,
    instead_of: FailureClass | None = None,
) -> None:
    """Write a failed result for every step that has none, or one of the class `instead_of`."""
    again = f"Run the missing steps with `nobs run --resume {spec.run_id}`."
    failure = Failure(
        failure_class=kind, type=kind.value, message=message, remedy=REMEDIES.get(kind, again)
    )
    results = sound_results(run_dir, spec)
    for step in spec.steps:
        found = results.get(step.id)
        if found is None or (found.failure and found.failure.failure_class is instead_of):
            result = empty_result(spec, step, datetime.now(UTC), failure)
            run_dir.write(run_dir.result_file(step.id), result)


def write_report(run_dir: RunDir, spec: RunSpec, *, finished: bool) -> dict[str, StepResult]:
    """Write the report of the results so far and return them by step."""
    found = _summarised(run_dir, spec)
    results = {step: result for step, (result, _) in found.items()}
    models = {step: model for step, (_, model) in found.items()}
    report = build_report(spec, results, finished=finished, models=models)
    run_dir.write(run_dir.report_file, report)
    return results
