"""One report as text for a terminal."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from nobs.render.cells import footnotes, interval_cell, plain_reason, precise_cell, value_cell
from nobs.render.sustained import sustained_lines
from nobs.render.terminal import GroupedTable, TextOutput
from nobs.render.together import together_lines
from nobs.render.verdict import describe_verdict
from nobs.report.definitions import fits
from nobs.report.reading import definition_of, figures_of, label_of, read_figures, read_runs, typed
from nobs.schema.device import DeviceInfo, DeviceRef
from nobs.schema.enums import Backend, Division, Status
from nobs.schema.flags import FlagName, Severity
from nobs.schema.report import ModelReport, Report, TaskReport
from nobs.tasks.base import TaskDefinition
from nobs.tasks.figures import COMMON, Figure
from nobs.text import to_line

_LIMIT = 1000
_ABOUT_LIMITS = (FlagName.LIMIT_CHANGED, FlagName.CAP_EXCEEDED)
"""Flags whose name alone doesn't show which limit is meant, and in which repeat."""


def render_summary(report: Report, *, width: int = 80, color: bool = False) -> str:
    """Return the device and a table per task with medians, CIs and verdicts."""
    report = typed(report)
    output = TextOutput(width=width, color=color)
    for line in render_device(report.device_info, report.run.device).splitlines():
        output.print(line)
    shown: list[Figure[Any]] = []
    for task in report.tasks:
        definition = definition_of(task.task, task.workload.division)
        figures = _figures_of(task, definition)
        shown += figures[1:]
        output.print_table(_build_table(task, definition, figures))
        for model in task.models.values():
            for line in definition.details(model) if fits(definition, model) else ():
                output.print(line)
            for line in sustained_lines(model.sustained) if model.sustained else ():
                output.print(line)
        for line in _explain(task):
            output.print(line)
    for line in chain.from_iterable(map(together_lines, report.together)):
        output.print(line)
    for note in footnotes(shown):
        output.print(note)
    if flags := describe_flags(report):
        output.print(flags)
    return output.text


def describe_flags(report: Report) -> str:
    """Return the flags of the run and its models in one line, warnings first and with a `!`."""
    flags = [*(flag for model in report.models for flag in model.flags), *report.run.flags]
    grave = dict.fromkeys(f"{f.name}!" for f in flags if f.severity is Severity.WARNING)
    notes = dict.fromkeys(str(f.name) for f in flags if f.severity is Severity.NOTE)
    names = ", ".join([*grave, *(name for name in notes if f"{name}!" not in grave)])
    return f"flags: {names}" if names else ""


def render_device(device: DeviceInfo, chosen: DeviceRef | None = None) -> str:
    """Return the machine, one fact per line."""
    memory = device.gpu_memory_gb
    size = f", {memory:g} GiB" if isinstance(memory, float) else f", {to_line(memory or '')}"
    gpu = f"{to_line(device.gpu_name)}{size if memory else ''}" if device.gpu_name else "none"
    if device.gpu_name and device.device == Backend.CPU:
        gpu += " (not used)"
    return (
        f"host       {to_line(device.host)} ({to_line(device.platform)})\n"
        f"processor  {to_line(device.processor)}, {device.ram_gb:g} GiB RAM\n"
        f"gpu        {gpu}\n"
        f"device     {to_line(chosen.name) if chosen else device.device}"
    )


def _build_table(
    task: TaskReport, definition: TaskDefinition, figures: Sequence[Figure[Any]]
) -> GroupedTable:
    score = "-" if task.task_score is None else f"{task.task_score:,.2f}"
    if task.published_score is not None:
        score += f" (published {task.published_score:,.2f})"
    table = GroupedTable(f"{to_line(task.workload.name)} ({task.workload.division}), score {score}")
    table.add_columns(figures[0].label if figures[0] in COMMON else "median", wraps=True)
    table.add_columns("95 % CI", wraps=True)
    table.add_columns(*(figure.label for figure in figures[1:]), "n")
    table.add_columns("verdict", is_text=True)
    for model in task.models.values():
        table.add_caption(label_of(task, model.model_name))
        table.add_row(_cells(model, definition, figures))
    return table


def _figures_of(task: TaskReport, definition: TaskDefinition) -> list[Figure[Any]]:
    """Return the figures of a summary that any model has; without any, the first two."""
    figures = definition.summary or figures_of(definition)
    known = {key for model in task.models.values() for key in read_figures(definition, model)}
    held = [figure for figure in figures if figure.key in known]
    return held or list(figures[:2])


def _cells(
    model: ModelReport, definition: TaskDefinition, figures: Sequence[Figure[Any]]
) -> tuple[str, ...]:
    first, *others = figures
    found = read_figures(definition, model)
    if model.status is not Status.OK:
        why = model.failure.failure_class if model.failure else "no reason known"
        return (*("-" for _ in ("median", "interval", *others, "n")), f"{model.status}: {why}")
    return (
        precise_cell(first, found),
        interval_cell(first, found),
        *(value_cell(figure, found) for figure in others),
        str(max(len(read_runs(definition, figure, model)) for figure in figures)),
        model.verdict.word if model.verdict else "-",
    )


def _explain(task: TaskReport) -> Iterator[str]:
    """Yield why a task is open, then failures, verdicts, flags about limits and warnings."""
    models = task.models.values()
    if task.workload.division is Division.OPEN:
        reasons = (plain_reason(to_line(each)) for each in task.workload.open_reasons)
        yield f"open: {'; '.join(reasons)}"
    said = (
        *((m, f"{m.failure.message} {m.failure.remedy}") for m in models if m.failure),
        *(
            (m, describe_verdict(m.verdict, len(m.samples)))
            for m in models
            if m.verdict and not m.failure
        ),
        *((m, flag.message) for m in models for flag in m.flags if flag.name in _ABOUT_LIMITS),
        *((m, warning) for m in models for warning in m.warnings),
    )
    yield from (to_line(f"{model.model_name}: {text}", _LIMIT) for model, text in said)
