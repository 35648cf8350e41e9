"""Read figures and samples from reports through the definitions of their tasks."""

import json
import math
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from nobs.report.definitions import find_definition, fits
from nobs.report.legacy.task import legacy_definition
from nobs.schema.enums import Division
from nobs.schema.report import ModelReport, Report, TaskReport
from nobs.storage.document import Document
from nobs.tasks.base import TaskDefinition
from nobs.tasks.figures import COMMON, SCORE, Figure, Measured, cost_figures, measured
from nobs.text import to_line

MAX_SAMPLES = 100


def definition_of(task: str, division: str) -> TaskDefinition:
    """Return the definition that reads the models of a task in a report."""
    return legacy_definition() if division == Division.LEGACY else find_definition(task)


def typed(report: Report) -> Report:
    """Return `report` with every model in the class of its task.

    A field that doesn't fit the class is left out, with the object or list that it makes invalid
    and no more: other programs may have written the report.
    """
    tasks = []
    for task in report.tasks:
        kind = definition_of(task.task, task.workload.division).report_type
        models = {name: _typed(kind, model) for name, model in task.models.items()}
        tasks.append(task.model_copy(update={"models": models}))
    return report.model_copy(update={"tasks": tuple(tasks)})


def _typed(kind: type[ModelReport], model: ModelReport) -> ModelReport:
    if isinstance(model, kind):
        return model
    content = model.model_dump(mode="json")
    while True:
        try:
            return kind.model_validate_json(json.dumps(content), strict=True)
        except ValidationError as error:
            faults = error.errors(include_url=False)
        unfit = list(filter(None, (_find(content, fault["loc"]) for fault in faults)))
        if not unfit:
            return model
        for holder, key in unfit:
            holder.pop(key, None)


def _find(content: Document, location: Sequence[int | str]) -> tuple[Document, str] | None:
    """Return the innermost object on the way to `location`, and its key that leads there.

    A list goes as a whole: without one of its values it would be another measurement.
    """
    found, place = None, content
    for step in location:
        if not isinstance(place, dict) or step not in place:
            break
        found, place = (place, str(step)), place[str(step)]
    return found


def label_of(task: TaskReport, model: str) -> str:
    """Return the name of a model of `task` in tables, safe to print.

    Random weights are named, and the variant, such as the batch size: figures of different names
    are never ranked together.
    """
    is_random = any(pin.random for pin in task.workload.models if pin.id == model)
    name = f"{model} (random weights)" if is_random else model
    variant = variant_of(definition_of(task.task, task.workload.division), task.models.get(model))
    return to_line(f"{name}, {variant}" if variant else name)


def variant_of(definition: TaskDefinition, model: ModelReport | None) -> str:
    """Return the setting that figures must share to be compared; empty if there is none."""
    known = model is not None and fits(definition, model)
    return to_line(definition.variant(model)) if known else ""


def figures_of(task: TaskDefinition) -> tuple[Figure[Any], ...]:
    """Return the figures that models of `task` can have, in table order."""
    return (*task.figures, *cost_figures(task.figures), *COMMON)


def read_figures(
    task: TaskDefinition, model: ModelReport, score: float | None = None
) -> dict[str, Measured]:
    """Return the figures of `model` by key, in table order; `score` is the task's."""
    figures = figures_of(task) if fits(task, model) else COMMON
    found = ((f.key, measured(score) if f is SCORE else f.read(model)) for f in figures)
    return {key: value for key, value in found if value is not None}


def read_runs(task: TaskDefinition, figure: Figure[Any], model: ModelReport) -> list[float]:
    """Return the raw positive values of `figure`, one per repeat."""
    values = figure.runs(model) if fits(task, model) else ()
    return [value for value in values if value is not None and value > 0]


def read_samples(task: TaskDefinition, model: ModelReport) -> tuple[float, ...]:
    """Return the raw rates in order; imported reports have them in their runs only."""
    rates = [sample.units / sample.duration_s for sample in thin(model.samples)]
    if not rates:
        runs = (read_runs(task, figure, model) for figure in task.figures)
        rates = list(thin(next(filter(None, runs), [])))
    return tuple(rate for rate in rates if math.isfinite(rate))


def thin[T](values: Sequence[T]) -> Sequence[T]:
    """Return at most MAX_SAMPLES values, evenly spaced so that late changes remain visible."""
    count = len(values)
    if count <= MAX_SAMPLES:
        return values
    return [values[place * (count - 1) // (MAX_SAMPLES - 1)] for place in range(MAX_SAMPLES)]
