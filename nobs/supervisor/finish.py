"""What is written of steps and runs that ended otherwise than by measuring to the end."""

from datetime import UTC, datetime

from nobs.errors import FailureClass
from nobs.schema.base import Status
from nobs.schema.result import Failure, StepResult
from nobs.schema.rundir import RunDir
from nobs.schema.spec import RunSpec, StepSpec
from nobs.supervisor.exits import REMEDIES
from nobs.supervisor.merge import build_report


def empty_result(spec: RunSpec, step: StepSpec, started: datetime, failure: Failure) -> StepResult:
    """Return the result of a step that measured nothing; of one that others ended it is lost."""
    return StepResult(
        step=step.id,
        task=spec.workload_of(step).task,
        model=step.model.id,
        status=Status.LOST if failure.failure_class is FailureClass.INFRA else Status.FAILED,
        started=started,
        finished=datetime.now(UTC),
        failure=failure,
    )


def missing_steps(run_dir: RunDir, spec: RunSpec) -> list[StepSpec]:
    """Return the steps that haven't ended as ok, in their order."""
    found = ((step, run_dir.find_result(step.id)) for step in spec.steps)
    return [step for step, result in found if result is None or result.status is not Status.OK]


def record_missing(
    run_dir: RunDir,
    spec: RunSpec,
    kind: FailureClass,
    message: str,
    *,
    instead_of: FailureClass | None = None,
) -> None:
    """Give every step without a result, or with one of that class, one that says why."""
    again = f"Do what is missing with `nobs run --resume {spec.run_id}`."
    failure = Failure(
        failure_class=kind, type=kind.value, message=message, remedy=REMEDIES.get(kind, again)
    )
    for step in spec.steps:
        found = run_dir.find_result(step.id)
        if found is None or (found.failure and found.failure.failure_class is instead_of):
            result = empty_result(spec, step, datetime.now(UTC), failure)
            run_dir.write(run_dir.result_file(step.id), result)


def write_report(run_dir: RunDir, spec: RunSpec, *, finished: bool) -> dict[str, StepResult]:
    """Write the report of the results that are there and return them by step."""
    found = {step.id: run_dir.find_result(step.id) for step in spec.steps}
    results = {step: result for step, result in found.items() if result is not None}
    run_dir.write(run_dir.report_file, build_report(spec, results, finished=finished))
    return results
