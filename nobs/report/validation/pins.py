"""Compare the pins of a report with its claims and with the catalogue."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from nobs.catalog import load_catalog
from nobs.catalog.changes import find_changes
from nobs.data.architectures import describe_random
from nobs.errors import DataError
from nobs.report.build import fingerprint
from nobs.report.definitions import find_open_reasons
from nobs.schema.enums import Division, Status
from nobs.schema.pins import ModelPin, Workload
from nobs.schema.report import ModelReport, Report, TaskReport
from nobs.tasks import TASKS
from nobs.tasks.parameters import typed
from nobs.text import to_line


@dataclass
class Comparison:
    """Contradictions, and differences from the pinned workload."""

    faults: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


def compare_pins(report: Report) -> Comparison:
    """Compare the workload of each task with its fingerprint, its claims and the catalogue."""
    found = Comparison()
    if all(model.status is not Status.OK for model in report.models):
        found.differences.append("nothing was measured")
    for task in report.tasks:
        label = to_line(task.workload.name)
        if task.workload.division is Division.LEGACY:
            found.differences += [f"{label}: {reason}" for reason in task.workload.open_reasons]
            continue
        try:
            workload = typed(task.workload.to_workload(task.task))
        except (ValueError, DataError) as error:
            found.faults.append(f"{label}: its pins aren't a valid workload: {to_line(error)}")
            continue
        faults, differences = _compare(report, task, workload)
        found.faults += [f"{label}: {fault}" for fault in faults]
        found.differences += [f"{label}: {difference}" for difference in differences]
    return found


def _compare(report: Report, task: TaskReport, workload: Workload) -> tuple[list[str], list[str]]:
    """Return faults and differences of one task; a closed one must have no differences."""
    faults = [*_claim_faults(task, workload), *_model_faults(report, task, workload)]
    catalog = load_catalog()
    pinned = catalog.workloads.get(workload.label)
    if pinned is None:
        return faults, [*workload.open_reasons, _absence(workload)]
    differences = [
        f"models.{to_line(model.id)}: its architecture isn't that of the catalogue"
        for model in workload.models
        if model.random and model.random.architecture != catalog.architectures.get(model.id)
    ]
    differences += [to_line(change) for change in find_changes(typed(pinned), workload)]
    if workload.division is Division.OPEN:
        return faults, list(dict.fromkeys([*workload.open_reasons, *differences]))
    faults += [f"division is closed, but {difference}" for difference in differences]
    faults += _evidence_faults(task, pinned)
    return faults, []


def _absence(workload: Workload) -> str:
    """Return why the pins can't be checked here."""
    if workload.catalog is None:
        return "it isn't in the catalogue of this version of NOBS"
    return f"its catalogue {to_line(workload.catalog.file)} isn't loaded; add it with --catalog"


def _claim_faults(task: TaskReport, workload: Workload) -> Iterator[str]:
    if task.workload.division is not workload.division:
        yield f"division is {task.workload.division}, but open_reasons imply {workload.division}"
    if workload.catalog and not workload.catalog.pinned and not workload.open_reasons:
        yield f"division is closed, but the catalogue {to_line(workload.catalog.file)} isn't pinned"
    if any(model.random for model in workload.models) and not workload.open_reasons:
        yield "division is closed, but the weights are random"
    if task.workload.fingerprint != fingerprint(workload):
        yield "fingerprint doesn't match the pins"


def _model_faults(report: Report, task: TaskReport, workload: Workload) -> Iterator[str]:
    """Yield models that aren't the workload's, and contradictions that the task finds."""
    pinned = {model.id for model in workload.models}
    named = set(task.models)
    if named - pinned:
        yield f"{to_line(', '.join(sorted(named - pinned)))} isn't one of its models"
    if report.run.finished and pinned - named:
        yield f"{to_line(', '.join(sorted(pinned - named)))} is missing, but the run has finished"
    for pin in workload.models:
        if pin.id in task.models:
            yield from _random_faults(task.models[pin.id], pin)
    if task.task in TASKS:
        definition = TASKS.load(task.task)
        for name, model in task.models.items():
            found = definition.find_contradictions(model, workload)
            yield from (f"{to_line(name)}: {fault}" for fault in found)
            if model.status is Status.OK:
                wrong = definition.check_output(model)
                yield from (f"{to_line(name)}: status is ok. {fault}" for fault in wrong)
            for reason in find_open_reasons(definition, model, workload):
                if reason not in workload.open_reasons:
                    yield f"{to_line(name)}: open_reasons is missing {to_line(reason)}"


def _random_faults(model: ModelReport, pin: ModelPin) -> Iterator[str]:
    """Yield random weights that weren't asked for, or others than those."""
    found, asked = model.weights.random if model.weights else None, pin.random
    if asked is None and found is not None:
        yield f"{to_line(pin.id)}: its weights were random, but its pin has none"
    elif asked and asked.architecture and found is None and model.status is Status.OK:
        yield f"{to_line(pin.id)}: weights.random is missing, but its pin has random weights"
    elif asked and found and not (asked.architecture and found == describe_random(pin)):
        yield f"{to_line(pin.id)}: weights.random isn't what its pin has"


def _evidence_faults(task: TaskReport, pinned: Workload) -> Iterator[str]:
    """Yield measured data and weights that differ from the pins."""
    data, dataset = task.workload.data, pinned.dataset
    measured = any(model.status is Status.OK for model in task.models.values())
    if measured and data is None:
        yield "data is missing, but a model was measured"
    if data is not None and data.rows != dataset.rows:
        yield f"data.rows is {data.rows}, but {dataset.rows} are pinned"
    if data is not None and dataset.rows_sha256 not in ("", data.rows_sha256):
        yield "data.rows_sha256 differs from the pinned digest"
    if data is not None and dataset.file_sha256 not in ("", data.file_sha256):
        yield "data.file_sha256 differs from the pinned digest"
    for pin in pinned.models:
        if pin.id in task.models:
            found = _weights_faults(task.models[pin.id], pin, pinned.policy.min_repeats)
            yield from (f"{pin.id}: {fault}" for fault in found)


def _weights_faults(model: ModelReport, pin: ModelPin, least: int) -> Iterator[str]:
    if model.status is not Status.OK:
        return
    if model.revision != pin.revision:
        yield f"revision is {to_line(model.revision)}, but {pin.revision} is pinned"
    if len(model.samples) < least:
        yield f"{len(model.samples)} samples, but the workload requires {least}"
    if pin.weights_file and pin.weights_sha256:
        found = model.weights.files.get(pin.weights_file) if model.weights else None
        if found != pin.weights_sha256:
            yield f"weights.files: {pin.weights_file} differs from the pinned digest"
