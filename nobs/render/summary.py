"""A report as a table for a terminal of 80 columns."""

from nobs.render.cells import footnotes, interval_cell, value_cell
from nobs.render.load import load_lines
from nobs.render.terminal import GroupedTable, Paper
from nobs.render.verdict import describe_verdict
from nobs.report.figures import BY_KEY, Figure, read_figures, read_runs
from nobs.schema.base import Backend, Division, Status
from nobs.schema.device import DeviceInfo
from nobs.schema.flags import Severity
from nobs.schema.report import ModelReport, Report, TaskReport
from nobs.text import to_line

_TIMES = ("time_s", "latency_s")
_OTHERS = ("rows_per_second", "ttft_s", "tokens_per_sec", "share_of_limit", "rows_per_joule",
           "tokens_per_joule")  # fmt: skip
_LIMIT = 1000


def render_summary(report: Report, *, width: int = 80, color: bool = False) -> str:
    """Return device and one table a task with medians, intervals and verdicts."""
    paper = Paper(width=width, color=color)
    for line in render_device(report.device_info).splitlines():
        paper.say(line)
    for task in report.tasks:
        paper.draw(_draw(task))
        for model in task.models.values():
            for line in load_lines(model.model_dump()):
                paper.say(line)
        for line in _explain(task):
            paper.say(line)
    for note in footnotes(figure for task in report.tasks for figure in _figures_of(task)[1]):
        paper.say(note)
    if flags := describe_flags(report):
        paper.say(flags)
    return paper.text


def describe_flags(report: Report) -> str:
    """Return the flags of the run and its models in one line, warnings first and marked."""
    models = [model for task in report.tasks for model in task.models.values()]
    flags = [*(flag for model in models for flag in model.flags), *report.run.flags]
    grave = dict.fromkeys(f"{f.name}!" for f in flags if f.severity is Severity.WARNING)
    notes = dict.fromkeys(str(f.name) for f in flags if f.severity is Severity.NOTE)
    told = ", ".join([*grave, *(name for name in notes if f"{name}!" not in grave)])
    return f"flags: {told}" if told else ""


def render_device(device: DeviceInfo) -> str:
    """Return the machine, one fact a line."""
    memory = device.gpu_memory_gb
    size = f", {memory:g} GiB" if isinstance(memory, float) else f", {to_line(memory or '')}"
    gpu = f"{to_line(device.gpu_name)}{size if memory else ''}" if device.gpu_name else "none"
    if device.gpu_name and device.device == Backend.CPU:
        gpu += " (not used)"
    return (
        f"host       {to_line(device.host)} ({to_line(device.platform)})\n"
        f"processor  {to_line(device.processor)}, {device.ram_gb:g} GiB RAM\n"
        f"gpu        {gpu}\n"
        f"device     {device.device}"
    )


def _draw(task: TaskReport) -> GroupedTable:
    score = "-" if task.task_score is None else f"{task.task_score:,.2f}"
    if task.published_score is not None:
        score += f" (published {task.published_score:,.2f})"
    table = GroupedTable(f"{to_line(task.workload.name)} ({task.workload.division}), score {score}")
    time, others = _figures_of(task)
    table.add_columns("median")
    table.add_columns("95 % interval", wraps=True)
    table.add_columns(*(figure.label for figure in others), "n")
    table.add_columns("verdict", is_text=True)
    for model in task.models.values():
        table.add_caption(to_line(model.model_name))
        table.add_row(_cells(model, task.dataset_size, time, others))
    return table


def _figures_of(task: TaskReport) -> tuple[Figure, list[Figure]]:
    """Return the figure of time that the task has, and what else is known of any model."""
    known = {
        key
        for model in task.models.values()
        for key in read_figures(model.model_dump(), task.dataset_size)
    }
    time = next((key for key in _TIMES if key in known), _TIMES[0])
    others = [key for key in _OTHERS if key in known] or _OTHERS[:1]
    return BY_KEY[time], [BY_KEY[key] for key in others]


def _cells(
    model: ModelReport, dataset_size: int, time: Figure, others: list[Figure]
) -> tuple[str, ...]:
    values = model.model_dump()
    figures = read_figures(values, dataset_size)
    if model.status is not Status.OK or time.key not in figures:
        why = model.failure.failure_class if model.failure else "no reason known"
        return (*("-" for _ in ("median", "interval", *others, "n")), f"{model.status}: {why}")
    return (
        value_cell(time, figures),
        interval_cell(time, figures),
        *(value_cell(figure, figures) for figure in others),
        str(max(len(read_runs(figure, values)) for figure in (time, *others))),
        model.verdict.word if model.verdict else "-",
    )


def _explain(task: TaskReport) -> list[str]:
    """Return why a task is open, why models failed, whether the others can be trusted, warnings."""
    opened = task.workload.division is Division.OPEN
    return [
        *([f"open: {'; '.join(map(to_line, task.workload.open_reasons))}"] if opened else []),
        *(
            to_line(f"{model.model_name}: {model.failure.message} {model.failure.remedy}", _LIMIT)
            for model in task.models.values()
            if model.failure is not None
        ),
        *(
            to_line(
                f"{model.model_name}: {describe_verdict(model.verdict, len(model.samples))}", _LIMIT
            )
            for model in task.models.values()
            if model.failure is None and model.verdict is not None
        ),
        *(
            to_line(f"{model.model_name}: {warning}", _LIMIT)
            for model in task.models.values()
            for warning in model.warnings
        ),
    ]
