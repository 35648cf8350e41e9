"""What can't be true at once, whatever the task."""

from collections.abc import Iterator
from itertools import pairwise

from nobs.schema.base import Division, Status
from nobs.schema.report import ModelReport, Report, TaskReport
from nobs.text import to_line
from nobs.validation import energy

CLOCK_SLACK_S = 1e-6


def find_contradictions(report: Report) -> Iterator[str]:
    """Yield every contradiction between parts of the report."""
    yield from _check_run(report)
    yield from _check_origin(report)
    for task in report.tasks:
        if task.dataset_size != task.workload.dataset.get("rows", task.dataset_size):
            yield f"{task.task}: dataset_size isn't the number of rows of the data set"
        for name, model in task.models.items():
            where = f"{task.task}, {to_line(name)}"
            yield from (f"{where}: {fault}" for fault in _check_model(report, name, model))


def _check_run(report: Report) -> Iterator[str]:
    run = report.run
    if report.device_info.device is not run.backend:
        yield f"run.backend is {run.backend}, device_info.device {report.device_info.device}"
    if run.finished and run.started and run.finished < run.started:
        yield "run.finished is before run.started"
    if run.finished and report.timestamp < run.finished:
        yield "timestamp is before run.finished"
    failed = [model for model in _models(report.tasks) if model.status is not Status.OK]
    if run.status is Status.OK and failed:
        yield "run.status is ok though a model's isn't"
    if run.status is not Status.OK and run.finished and report.tasks and not failed:
        yield f"run.status is {run.status} though every model's is ok"


def _check_origin(report: Report) -> Iterator[str]:
    """Yield what only an imported report may lack, and what only it may be."""
    is_imported = report.origin is not None
    if any((task.workload.division is Division.LEGACY) != is_imported for task in report.tasks):
        yield "division is legacy in imported reports, which have an origin, and only there"
    told = (report.run.nobs_version, report.run.execution, report.run.started)
    if not is_imported and None in told:
        yield "run.nobs_version, run.execution or run.started is absent"


def _models(tasks: tuple[TaskReport, ...]) -> Iterator[ModelReport]:
    return (model for task in tasks for model in task.models.values())


def _check_model(report: Report, name: str, model: ModelReport) -> Iterator[str]:
    if model.model_name != name:
        yield f"model_name is {to_line(model.model_name)}"
    if model.device is not report.run.backend:
        yield f"device is {model.device}, run.backend {report.run.backend}"
    if (model.status is Status.OK) != (model.failure is None):
        yield f"status is {model.status} {'without' if model.failure is None else 'with'} a failure"
    if model.status is Status.OK and not model.samples and report.origin is None:
        yield "status is ok without samples"
    yield from _check_times(report, model)
    yield from energy.find_contradictions(model)


def _check_times(report: Report, model: ModelReport) -> Iterator[str]:
    """Yield repeats that overlap, and times that don't fit into those around them."""
    for number, (one, following) in enumerate(pairwise(model.samples), start=2):
        if following.start_s < one.start_s + one.duration_s - CLOCK_SLACK_S:
            yield f"repeat {number} starts before the one before it ends"
    measured = sum(sample.duration_s for sample in model.samples)
    measure_s = model.phases.measure_s if model.phases else 0.0
    if measured > measure_s + CLOCK_SLACK_S:
        yield f"the repeats take {measured:g} s, phases.measure_s is {measure_s:g}"
    run = report.run
    if run.finished and run.started and measured > (run.finished - run.started).total_seconds():
        yield f"the repeats take {measured:g} s, the whole run less"
