"""What can't be true at once, whatever the task."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from statistics import median

from nobs.backends import BACKENDS
from nobs.report.flags import find_machine_flags
from nobs.report.validation import energy
from nobs.schema.base import Division, Status
from nobs.schema.device import DeviceInfo
from nobs.schema.flags import FlagName
from nobs.schema.pins import RepeatPolicy
from nobs.schema.report import ModelReport, Report, TaskReport
from nobs.stats import interval_of_repeats
from nobs.system.matching import find_difference, same_gpu_name
from nobs.text import to_line

CLOCK_SLACK_S = 1e-6
_OF_STEPS = {FlagName.ON_BATTERY, FlagName.OTHER_DEVICE}
"""Flags of the run that `environment.host` of its first step doesn't raise."""


def find_contradictions(report: Report) -> Iterator[str]:
    """Yield every contradiction between parts of the report."""
    yield from _check_run(report)
    yield from _check_origin(report)
    yield from _check_flags(report)
    for task in report.tasks:
        if task.dataset_size != task.workload.dataset.get("rows", task.dataset_size):
            yield f"{task.task}: dataset_size isn't the number of rows of the data set"
        for name, model in task.models.items():
            where = f"{task.task}, {to_line(name)}"
            yield from (f"{where}: {fault}" for fault in _check_model(report, name, model))
            yield from (f"{where}: {fault}" for fault in _check_repeats(task, model))


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


def _check_flags(report: Report) -> Iterator[str]:
    """Yield flags of the run that `environment.host` raises and nobody told, or the reverse.

    A later step may have run on the battery though the first, whose environment it is, didn't.
    """
    run, host = report.run, report.environment.get("host", {})
    if run.execution is None or "flags" not in run.model_fields_set:
        return
    if not isinstance(host, Mapping):
        yield "environment.host is no object"
        return
    told = {flag.name for flag in run.flags}
    expected = {flag.name for flag in find_machine_flags(host, run.execution)}
    if missing := expected - told:
        yield f"run.flags lacks {', '.join(sorted(missing))}, which environment.host raises"
    if surplus := told - expected - _OF_STEPS:
        yield f"run.flags has {', '.join(sorted(surplus))}, which environment.host doesn't raise"


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
    yield from _check_device(report.device_info, model)
    yield from _check_times(report, model)
    yield from energy.find_contradictions(model)


def _check_device(info: DeviceInfo, model: ModelReport) -> Iterator[str]:
    """Yield checks of another device than the described one, or that a good step can't have."""
    # Nothing is known here of a package's backend that isn't installed.
    wanted = BACKENDS.load(model.device).torch_device if model.device in BACKENDS else None
    for check in model.checks:
        if wanted and check.device.partition(":")[0] != wanted:
            yield f"checks are of {to_line(check.device)}, {model.device} computes on {wanted}"
        if model.status is Status.OK and not check.passed:
            yield "status is ok though a device check didn't pass"
        # Older reports may not name the GPU at all.
        if info.gpu_name and (difference := find_difference(info, check)):
            yield f"checks are of another device than device_info: {to_line(difference)}"
    if len({check.uuid for check in model.checks}) > 1:
        yield "checks are of several devices"
    yield from _check_sensors(model)


def _check_sensors(model: ModelReport) -> Iterator[str]:
    """Yield energy of another GPU than the one that computed: NVML and torch name it alike."""
    devices = model.telemetry.devices if model.telemetry else ()
    metered = {d.name for d in devices if d.reader == "nvidia" and d.energy_j.value is not None}
    for name in metered if model.checks else ():
        if not same_gpu_name(name, model.checks[0].device_name):
            yield (
                f"energy is of {to_line(name)}, checks are of "
                f"{to_line(model.checks[0].device_name)}"
            )


def _check_repeats(task: TaskReport, model: ModelReport) -> Iterator[str]:
    """Yield a number of repeats at which the workload's policy doesn't stop."""
    if model.status is not Status.OK or not model.samples or model.phases is None:
        return
    try:
        policy = RepeatPolicy.model_validate(task.workload.policy)
    except ValueError:
        return  # told as pins that are no workload
    count = len(model.samples)
    if policy.repeats is not None:
        if count != policy.repeats:
            yield f"{count} samples, policy.repeats asks for {policy.repeats}"
        return
    times = [sample.duration_s for sample in model.samples]
    is_sure = interval_of_repeats(times).within(policy.ci_rel_width, median(times))
    is_spent = model.phases.measure_s >= policy.time_budget_s
    if count < policy.min_repeats or not (is_sure or is_spent):
        yield f"repeating stopped after {count}, neither sure of the median nor out of time"


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
