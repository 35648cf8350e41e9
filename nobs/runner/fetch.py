"""Fetching ahead for every step of a run, so that measuring needs no network."""

from datetime import UTC, datetime

from nobs.data.models import open_model
from nobs.data.texts import load_texts
from nobs.log import get_logger
from nobs.runner.failures import describe
from nobs.schema.base import Status
from nobs.schema.pins import DatasetPin, ModelPin, Source
from nobs.schema.result import StepResult
from nobs.schema.spec import RunSpec, StepSpec
from nobs.storage.rundir import RunDir

log = get_logger()


def fetch_all(run_dir: RunDir) -> int:
    """Fetch texts and weights of each step without a result; a step that can't be done gets one."""
    spec = run_dir.read_spec()
    for step in spec.steps:
        if run_dir.find_result(step.id) is None:
            _fetch_step(run_dir, spec, step)
    return 0


def _fetch_step(run_dir: RunDir, spec: RunSpec, step: StepSpec) -> None:
    started = datetime.now(UTC)
    workload = spec.workload_of(step)
    try:
        for pin in (workload.dataset, step.model):
            if pin.source is Source.HUB:
                log.info("fetch.pin", id=pin.id, revision=pin.revision)
                _fetch(pin)
    except Exception as error:  # noqa: BLE001 - as in the step's outermost frame
        failure = describe(error)
        log.warning("step.error", step=step.id, failure_class=failure.failure_class,
                    message=failure.message)  # fmt: skip
        result = StepResult(
            step=step.id, task=workload.task, model=step.model.id, status=Status.FAILED,
            started=started, finished=datetime.now(UTC), failure=failure,
        )  # fmt: skip
        run_dir.write(run_dir.result_file(step.id), result)


def _fetch(pin: DatasetPin | ModelPin) -> None:
    if isinstance(pin, ModelPin):
        open_model(pin)
    else:
        load_texts(pin)
