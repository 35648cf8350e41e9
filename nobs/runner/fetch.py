"""Fetching ahead for every step of a run, so that measuring needs no network."""

from datetime import UTC, datetime

from nobs.log import get_logger
from nobs.runner.failures import describe
from nobs.schema.base import Status
from nobs.schema.pins import Source
from nobs.schema.result import StepResult
from nobs.schema.spec import RunSpec, StepSpec
from nobs.storage.rundir import RunDir
from nobs.tasks import TASKS
from nobs.tasks.base import import_part

log = get_logger()


def fetch_all(run_dir: RunDir) -> int:
    """Fetch what each unfinished step needs; one whose fetch fails gets its result now."""
    spec = run_dir.read_spec()
    for step in spec.steps:
        if run_dir.find_result(step.id) is None:
            _fetch_step(run_dir, spec, step)
    return 0


def _fetch_step(run_dir: RunDir, spec: RunSpec, step: StepSpec) -> None:
    started = datetime.now(UTC)
    workload = spec.workload_of(step)
    try:
        task = TASKS.load(workload.task)
        for part, pin in ((task.inputs, workload.dataset), (task.weights, step.model)):
            if pin.source is Source.HUB:
                log.info("fetch.pin", id=pin.id, revision=pin.revision)
                import_part(task, part)(pin)
    except Exception as error:  # noqa: BLE001 - as in the step's outermost frame
        failure = describe(error)
        log.warning("step.error", step=step.id, failure_class=failure.failure_class,
                    message=failure.message)  # fmt: skip
        result = StepResult(
            step=step.id, task=workload.task, model=step.model.id, status=Status.FAILED,
            started=started, finished=datetime.now(UTC), failure=failure,
        )  # fmt: skip
        run_dir.write(run_dir.result_file(step.id), result)
