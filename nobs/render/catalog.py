"""The catalogue as text and JSON."""

import json

from nobs.catalog import load_catalog
from nobs.errors import NobsError
from nobs.schema.pins import Workload
from nobs.tasks import TASKS


def tasks_text() -> str:
    """Return each task with its workloads and what they pin."""
    lines = []
    for name in TASKS:
        try:
            lines.append(f"{name}: {TASKS.load(name).title}")
        except NobsError as error:
            lines.append(f"{name}: unusable. {error}")
        lines += [line for workload in _workloads(name) for line in _describe(workload)]
    return "\n".join(lines) + "\n"


def tasks_json() -> str:
    """Return the tasks with their workloads as JSON."""
    tasks = {
        name: [workload.model_dump(mode="json") for workload in _workloads(name)] for name in TASKS
    }
    return json.dumps(tasks, indent=2) + "\n"


def models_text() -> str:
    """Return each model with size, source, revision and the workloads that use it."""
    catalog = load_catalog()
    lines = []
    for name, model in catalog.models.items():
        size = f"{model.parameters_m:g} M parameters" if model.parameters_m else "size unknown"
        used = [label for label, work in catalog.workloads.items() if model in work.models]
        lines.append(name)
        lines.append(f"  {size}, {model.licence or 'licence unknown'}, in {', '.join(used)}")
        pin = model.package or model.revision or "(as the server runs it)"
        random = ", or random weights" if name in catalog.architectures else ""
        lines.append(f"  {model.source} {pin}{random}")
    return "\n".join(lines) + "\n"


def models_json() -> str:
    """Return the models as JSON."""
    models = load_catalog().models
    pins = {name: model.model_dump(mode="json") for name, model in models.items()}
    return json.dumps(pins, indent=2) + "\n"


def _workloads(task: str) -> list[Workload]:
    return [work for work in load_catalog().workloads.values() if work.task == task]


def _describe(workload: Workload) -> list[str]:
    catalog = load_catalog()
    profiles = [name for name, labels in catalog.profiles.items() if workload.label in labels]
    params = workload.params.model_dump(mode="json", exclude={"kind"})
    return [
        f"  {workload.label} (profile {', '.join(profiles)})",
        f"    data    {workload.dataset.id}, {workload.dataset.rows} rows",
        *(f"    model   {model.id}" for model in workload.models),
        f"    params  {', '.join(f'{key}={value}' for key, value in params.items())}",
    ]
