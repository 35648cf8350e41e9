"""Contradictions between parts of a report that no task can have."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from statistics import median

from nobs.backends import BACKENDS
from nobs.report.flags import find_machine_flags
from nobs.report.validation import energy
from nobs.schema.device import DeviceInfo
from nobs.schema.enums import Division, Status
from nobs.schema.flags import FlagName
from nobs.schema.pins import RepeatPolicy
from nobs.schema.report import ModelReport, Report, TaskReport
from nobs.stats import interval_of_repeats
from nobs.system.matching import find_difference, same_gpu_name
from nobs.text import to_line

CLOCK_SLACK_S = 1e-6
_OF_STEPS = {FlagName.ON_BATTERY, FlagName.OTHER_DEVICE}
"""Flags of the run that don't follow from `environment.host` of its first step."""


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
    failed = [model for model in report.models if not model.is_complete]
    if run.status is Status.OK and failed:
        yield "run.status is ok, but a model isn't or was interrupted"
    if run.status is not Status.OK and run.finished and report.tasks and not failed:
        yield f"run.status is {run.status} but every model's is ok"


def _check_origin(report: Report) -> Iterator[str]:
    """Yield fields that are missing though the report isn't imported, and misuse of `legacy`."""
    is_imported = report.origin is not None
    if any((task.workload.division is Division.LEGACY) != is_imported for task in report.tasks):
        yield "division must be legacy in imported reports (with an origin), and only in those"
    reported = (report.run.nobs_version, report.run.execution, report.run.started)
    if not is_imported and None in reported:
        yield "run.nobs_version, run.execution or run.started is missing"


def _check_flags(report: Report) -> Iterator[str]:
    """Yield flags of the run that don't match `environment.host`.

    That is of the first step; a later one may have run on battery.
    """
    run, host = report.run, report.environment.get("host", {})
    if run.execution is None or "flags" not in run.model_fields_set:
        return
    if not isinstance(host, Mapping):
        yield "environment.host isn't an object"
        return
    reported = {flag.name for flag in run.flags}
    expected = {flag.name for flag in find_machine_flags(host, run.execution)}
    if missing := expected - reported:
        names = ", ".join(sorted(missing))
        yield f"run.flags is missing {names}, which follows from environment.host"
    if surplus := reported - expected - _OF_STEPS:
        yield f"run.flags has {', '.join(sorted(surplus))}, which contradicts environment.host"


def _check_model(report: Report, name: str, model: ModelReport) -> Iterator[str]:
    if model.model_name != name:
        yield f"model_name is {to_line(model.model_name)}"
    if model.device is not report.run.backend:
        yield f"device is {model.device}, run.backend {report.run.backend}"
    if (model.status is Status.OK) != (model.failure is None):
        yield f"status is {model.status} {'without' if model.failure is None else 'with'} a failure"
    is_made = report.origin is not None or bool(report.run.merged)
    if model.status is Status.OK and not model.samples and not is_made:
        yield "status is ok without samples"
    if report.run.merged and model.samples:
        yield "run.merged has the runs of several clients, but there are samples of one"
    yield from _check_device(report.device_info, model)
    yield from _check_chosen(report, model)
    yield from _check_times(report, model)
    yield from energy.find_contradictions(model)


def _check_device(info: DeviceInfo, model: ModelReport) -> Iterator[str]:
    """Yield device checks that failed or that ran on another device than the described one."""
    # Nothing is known here of a package's backend that isn't installed.
    wanted = BACKENDS.load(model.device).torch_device if model.device in BACKENDS else None
    for check in model.checks:
        if wanted and check.device.partition(":")[0] != wanted:
            yield f"a device check ran on {to_line(check.device)}, but {model.device} uses {wanted}"
        if model.status is Status.OK and not check.passed:
            yield "status is ok, but a device check failed"
        # Older reports may not name the GPU at all.
        if info.gpu_name and (difference := find_difference(info, check)):
            yield f"a device check ran on another device than device_info: {to_line(difference)}"
    if len({check.uuid for check in model.checks}) > 1:
        yield "the device checks ran on several devices"
    yield from _check_sensors(model)


def _check_chosen(report: Report, model: ModelReport) -> Iterator[str]:
    """Yield a device check on another device than the one that the result is credited to."""
    chosen = report.run.device
    for check in model.checks if chosen else ():
        for name in ("uuid", "pci"):
            credited, seen = getattr(chosen, name), getattr(check, name)
            if credited and seen and credited.lower() != seen.lower():
                yield (
                    f"a device check ran on the {name} {to_line(seen)}, but run.device is "
                    f"{to_line(credited)}"
                )


def _check_sensors(model: ModelReport) -> Iterator[str]:
    """Yield energy of another GPU than the one that computed; NVML and torch use the same names."""
    devices = model.telemetry.devices if model.telemetry else ()
    metered = {d.name for d in devices if d.reader == "nvidia" and d.energy_j.value is not None}
    for name in metered if model.checks else ():
        if not same_gpu_name(name, model.checks[0].device_name):
            yield (
                f"energy was read from {to_line(name)}, but the device checks ran on "
                f"{to_line(model.checks[0].device_name)}"
            )


def _check_repeats(task: TaskReport, model: ModelReport) -> Iterator[str]:
    """Yield a number of repeats that contradicts the workload's policy."""
    if model.status is not Status.OK or not model.samples or model.phases is None:
        return
    try:
        policy = RepeatPolicy.model_validate(task.workload.policy)
    except ValueError:
        return  # reported by the check of the pins
    count = len(model.samples)
    if model.interrupted_after is not None:
        if count != model.interrupted_after or count < policy.least:
            yield f"{count} samples, but interrupted_after is {model.interrupted_after}"
        return
    if policy.repeats is not None:
        if count != policy.repeats:
            yield f"{count} samples, but policy.repeats is {policy.repeats}"
        return
    times = [sample.duration_s for sample in model.samples]
    is_sure = interval_of_repeats(times).within(policy.ci_rel_width, median(times))
    is_spent = model.phases.measure_s >= policy.length_s
    if policy.sustain_s and not is_spent:
        yield f"it was sustained for {model.phases.measure_s:g} s instead of {policy.sustain_s:g}"
    elif count < policy.min_repeats or not (is_sure or is_spent):
        yield f"repeating stopped after {count}, before the CI met its target or time ran out"


def _check_times(report: Report, model: ModelReport) -> Iterator[str]:
    """Yield repeats that overlap or exceed the times of their phase and run."""
    for number, (one, following) in enumerate(pairwise(model.samples), start=2):
        if following.start_s < one.start_s + one.duration_s - CLOCK_SLACK_S:
            yield f"repeat {number} starts before the previous one ends"
    measured = sum(sample.duration_s for sample in model.samples)
    measure_s = model.phases.measure_s if model.phases else 0.0
    if measured > measure_s + CLOCK_SLACK_S:
        yield f"the repeats take {measured:g} s, but phases.measure_s is {measure_s:g}"
    run = report.run
    if run.finished and run.started and measured > (run.finished - run.started).total_seconds():
        yield f"the repeats take {measured:g} s, longer than the whole run"
