"""Look up the definitions of tasks by the names in reports."""

from collections.abc import Iterator
from typing import Any

from nobs.errors import NobsError
from nobs.schema.enums import Status
from nobs.schema.pins import Workload
from nobs.schema.report import ModelReport
from nobs.tasks import TASKS
from nobs.tasks.base import TaskDefinition
from nobs.tasks.figures import COMMON, Figure, cost_figures


class Unknown(TaskDefinition):
    """A task that isn't installed: only the common fields of its models are read."""

    name = "unknown"
    title = "A task that isn't installed"
    unit = "units"
    bench = ""

    def details(self, model: ModelReport) -> Iterator[str]:
        """Yield why its figures aren't shown."""
        yield "its task isn't installed here: its own figures aren't shown"


def find_definition(name: str) -> TaskDefinition:
    """Return the definition of a task; `Unknown` if it isn't installed or is broken."""
    try:
        return TASKS.load(name)
    except NobsError:
        return Unknown()


def fits(task: TaskDefinition, model: ModelReport) -> bool:
    """Return whether `model` is of the class that the definition reads."""
    return isinstance(model, task.report_type)


def find_open_reasons(
    task: TaskDefinition, model: ModelReport, workload: Workload
) -> Iterator[str]:
    """Yield differences of `model` from `workload` that only measuring shows."""
    if model.status is Status.OK and model.interrupted_after is not None:
        yield f"{model.model_name}: interrupted after {model.interrupted_after} repeats"
    if fits(task, model):
        yield from task.find_open_reasons(model, workload)


def known_figures() -> dict[str, Figure[Any]]:
    """Return the figures of all installed tasks by key; common figures come last."""
    own = [figure for name in TASKS for figure in find_definition(name).figures]
    found: dict[str, Figure[Any]] = {}
    for figure in (*own, *cost_figures(own), *COMMON):
        found.setdefault(figure.key, figure)
    return found
