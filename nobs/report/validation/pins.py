"""The work of a report against what it claims, and against the catalogue."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from nobs.catalog import load_catalog
from nobs.catalog.changes import find_changes
from nobs.errors import DataError
from nobs.report.build import fingerprint
from nobs.schema.base import Division, Status
from nobs.schema.pins import ModelPin, Workload
from nobs.schema.report import ModelReport, Report, TaskReport
from nobs.tasks import TASKS
from nobs.tasks.parameters import typed
from nobs.text import to_line


@dataclass
class Comparison:
    """What contradicts itself, and what differs from the pinned workload."""

    faults: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


def compare_pins(report: Report) -> Comparison:
    """Compare the workload of each task with its fingerprint, its words and the catalogue."""
    found = Comparison()
    models = [model for task in report.tasks for model in task.models.values()]
    if all(model.status is not Status.OK for model in models):
        found.differences.append("nothing was measured")
    for task in report.tasks:
        label = to_line(task.workload.name)
        if task.workload.division is Division.LEGACY:
            found.differences += [f"{label}: {reason}" for reason in task.workload.open_reasons]
            continue
        try:
            workload = typed(task.workload.to_workload(task.task))
        except (ValueError, DataError) as error:
            found.faults.append(f"{label}: its pins are no workload: {to_line(error)}")
            continue
        faults, differences = _compare(report, task, workload)
        found.faults += [f"{label}: {fault}" for fault in faults]
        found.differences += [f"{label}: {difference}" for difference in differences]
    return found


def _compare(report: Report, task: TaskReport, workload: Workload) -> tuple[list[str], list[str]]:
    """Return faults and differences of one task; what is claimed to be closed must not differ."""
    faults = [*_claim_faults(task, workload), *_model_faults(report, task, workload)]
    pinned = load_catalog().workloads.get(workload.label)
    if pinned is None:
        return faults, [*workload.open_reasons, _absence(workload)]
    differences = [to_line(change) for change in find_changes(typed(pinned), workload)]
    if workload.division is Division.OPEN:
        return faults, list(dict.fromkeys([*workload.open_reasons, *differences]))
    faults += [f"division is closed, but {difference}" for difference in differences]
    faults += _evidence_faults(task, pinned)
    return faults, []


def _absence(workload: Workload) -> str:
    """Say why its pins can't be checked here."""
    if workload.catalog is None:
        return "the catalogue of this NOBS doesn't have it"
    return f"its catalogue {to_line(workload.catalog.file)} isn't here; name it with --catalog"


def _claim_faults(task: TaskReport, workload: Workload) -> Iterator[str]:
    if task.workload.division is not workload.division:
        yield f"division is {task.workload.division}, open_reasons make it {workload.division}"
    if workload.catalog and not workload.catalog.pinned and not workload.open_reasons:
        yield f"division is closed, but the catalogue {to_line(workload.catalog.file)} isn't pinned"
    if task.workload.fingerprint != fingerprint(workload):
        yield "fingerprint isn't that of the pins"


def _model_faults(report: Report, task: TaskReport, workload: Workload) -> Iterator[str]:
    """Yield models that aren't the workload's, and what the task knows to be impossible."""
    pinned = {model.id for model in workload.models}
    named = set(task.models)
    if named - pinned:
        yield f"{to_line(', '.join(sorted(named - pinned)))} is none of its models"
    if report.run.finished and pinned - named:
        yield f"{to_line(', '.join(sorted(pinned - named)))} is missing though the run has ended"
    if task.task in TASKS:
        definition = TASKS.load(task.task)
        for name, model in task.models.items():
            found = definition.find_contradictions(model, workload)
            yield from (f"{to_line(name)}: {fault}" for fault in found)
            if model.status is Status.OK:
                wrong = definition.check_output(model)
                yield from (f"{to_line(name)}: status is ok. {fault}" for fault in wrong)
            for reason in definition.find_open_reasons(model, workload):
                if reason not in workload.open_reasons:
                    yield f"{to_line(name)}: open_reasons doesn't have {to_line(reason)}"


def _evidence_faults(task: TaskReport, pinned: Workload) -> Iterator[str]:
    """Yield what was measured though it isn't what is pinned."""
    data, dataset = task.workload.data, pinned.dataset
    measured = any(model.status is Status.OK for model in task.models.values())
    if measured and data is None:
        yield "data is absent though a model was measured"
    if data is not None and data.rows != dataset.rows:
        yield f"data.rows is {data.rows}, pinned are {dataset.rows}"
    if data is not None and dataset.rows_sha256 not in ("", data.rows_sha256):
        yield "data.rows_sha256 isn't the pinned one"
    if data is not None and dataset.file_sha256 not in ("", data.file_sha256):
        yield "data.file_sha256 isn't the pinned one"
    for pin in pinned.models:
        if pin.id in task.models:
            found = _weights_faults(task.models[pin.id], pin, pinned.policy.min_repeats)
            yield from (f"{pin.id}: {fault}" for fault in found)


def _weights_faults(model: ModelReport, pin: ModelPin, least: int) -> Iterator[str]:
    if model.status is not Status.OK:
        return
    if model.revision != pin.revision:
        yield f"revision is {to_line(model.revision)}, pinned is {pin.revision}"
    if len(model.samples) < least:
        yield f"{len(model.samples)} samples, the workload asks for {least}"
    if pin.weights_file and pin.weights_sha256:
        found = model.weights.files.get(pin.weights_file) if model.weights else None
        if found != pin.weights_sha256:
            yield f"weights.files: {pin.weights_file} isn't the pinned one"
