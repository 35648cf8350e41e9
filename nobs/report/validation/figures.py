"""Recompute all figures from the raw samples in the report and compare."""

import math
from collections.abc import Iterator, Mapping

from nobs.report.build import SHARED
from nobs.report.flags import with_flags
from nobs.report.legacy.figures import figures_of, score_of
from nobs.report.legacy.report import LegacyModelReport
from nobs.report.sustained import find_sustained
from nobs.report.verdict import with_verdict
from nobs.schema.enums import Division
from nobs.schema.pins import RepeatPolicy
from nobs.schema.report import ModelReport, Report, TaskReport
from nobs.schema.result import StepResult
from nobs.tasks import TASKS
from nobs.text import to_line

TOLERANCE = 1e-9
WORDS = frozenset({"warnings", "message", "method", "how"})
"""Fields with texts for people, which may change between versions of NOBS."""


def find_wrong_figures(report: Report) -> Iterator[str]:
    """Yield every figure that doesn't follow from the report's own samples."""
    for task in report.tasks:
        if task.workload.division is Division.LEGACY:
            yield from _check_legacy(task)
            continue
        if task.task not in TASKS:
            continue
        for name, model in task.models.items():
            if model.samples:
                where = f"{task.task}, {to_line(name)}"
                yield from (f"{where}: {fault}" for fault in _check_model(report, task, model))
        yield from _check_score(task, finished=report.run.finished is not None)


def _check_model(report: Report, task: TaskReport, model: ModelReport) -> Iterator[str]:
    again = _compute_again(report, task, model)
    if isinstance(again, str):
        yield again
    else:
        reported = model.model_dump(mode="json", exclude_unset=True)
        yield from _compare(reported, again.model_dump(mode="json"), "")


def _compute_again(report: Report, task: TaskReport, model: ModelReport) -> ModelReport | str:
    """Return the recomputed report of the model, or why it can't be recomputed."""
    definition = TASKS.load(task.task)
    common = {name: getattr(model, name) for name in ModelReport.model_fields}
    known = {name: common[name] for name in SHARED}
    try:
        policy = RepeatPolicy.model_validate(task.workload.policy)
        sustained = find_sustained(model.samples, policy, model.telemetry)
        base = ModelReport(**common | {"verdict": None, "sustained": sustained})
        result = StepResult(
            step="", task=task.task, model=model.model_name, started=report.timestamp,
            finished=report.timestamp, **known,
        )  # fmt: skip
        again = definition.summarise(definition.rebuild(result, model), base)
        again = with_verdict(again, definition, policy, beside=bool(report.run.together))
        return with_flags(again, definition)
    except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
        return f"its figures can't be recomputed: {to_line(error)}"


def _check_legacy(task: TaskReport) -> Iterator[str]:
    """Yield figures of an imported task that don't follow from its repeats."""
    models = [model for model in task.models.values() if isinstance(model, LegacyModelReport)]
    for model in models:
        again = model.model_copy(update=figures_of(model.all_runs))
        faults = _compare(model.model_dump(mode="json"), again.model_dump(mode="json"), "")
        yield from (f"{task.task}, {to_line(model.model_name)}: {fault}" for fault in faults)
    found = score_of(models, task.dataset_size)
    if found != task.task_score:
        yield f"{task.task}: task_score is {task.task_score}, the models give {found}"


def _compare(reported: object, found: object, place: str) -> Iterator[str]:
    """Yield the places at which JSON values differ by more than rounding.

    A missing figure is no fault: the NOBS that wrote the report may not have had it yet.
    """
    match reported, found:
        case Mapping(), Mapping():
            for key in reported:
                if key not in WORDS:
                    inner = f"{place}.{key}".lstrip(".")
                    yield from _compare(reported.get(key), found.get(key), inner)
        case list(), list() if len(reported) == len(found):
            for index, pair in enumerate(zip(reported, found, strict=True)):
                yield from _compare(*pair, f"{place}.{index}")
        case (int() | float(), int() | float()) if _close(reported, found):
            return
        case _ if reported != found:
            yield f"{place} is {to_line(reported)}, the samples give {to_line(found)}"


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE**2)


def _check_score(task: TaskReport, *, finished: bool) -> Iterator[str]:
    """Yield a score that doesn't follow from the models; an unfinished run has none yet."""
    try:
        found = TASKS.load(task.task).score(list(task.models.values()))
    except (ValueError, ArithmeticError, LookupError) as error:
        yield f"{task.task}: task_score can't be recomputed: {to_line(error)}"
        return
    reported = task.task_score
    if reported is None and (found is None or not finished):
        return
    if reported is None or found is None or not _close(reported, found):
        yield f"{task.task}: task_score is {reported}, the models give {found}"
