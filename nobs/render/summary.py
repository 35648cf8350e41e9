"""A report as a table for a terminal of 80 columns."""

from collections.abc import Mapping
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nobs.schema.base import Division, Status
from nobs.schema.device import DeviceInfo
from nobs.schema.report import ModelReport, Report, TaskReport
from nobs.units import format_rate, format_seconds


def render_summary(report: Report, *, width: int = 80, color: bool = False) -> str:
    """Return device and one table a task with medians, intervals and states."""
    console = Console(
        file=StringIO(), width=width, force_terminal=color, no_color=not color, highlight=False,
        legacy_windows=False,
    )  # fmt: skip
    console.print(render_device(report.device_info), markup=False, soft_wrap=False)
    for task in report.tasks:
        console.print(_render_task(task))
        for line in _explain(task):
            console.print(Text(line))
    file = console.file
    return file.getvalue() if isinstance(file, StringIO) else ""


def render_device(device: DeviceInfo) -> str:
    """Return the machine in three lines."""
    memory = device.gpu_memory_gb
    size = f", {memory:g} GiB" if isinstance(memory, float) else ""
    gpu = f"{device.gpu_name}{size}" if device.gpu_name else "none"
    return (
        f"host       {device.host} ({device.platform})\n"
        f"processor  {device.processor}, {device.ram_gb:g} GiB RAM\n"
        f"gpu        {gpu}\n"
        f"device     {device.device}"
    )


def _render_task(task: TaskReport) -> Table:
    score = "-" if task.task_score is None else f"{task.task_score:,.2f}"
    label = f"{task.workload.name} ({task.workload.division}), score {score}"
    table = Table(title=Text(label), title_justify="left", expand=False)
    table.add_column("model", overflow="fold")
    for name in ("median", "95 % interval", "rows/s", "n"):
        table.add_column(name, justify="right")
    for model in task.models.values():
        table.add_row(*(Text(cell) for cell in _cells(model)))
    return table


def _cells(model: ModelReport) -> tuple[str, ...]:
    figures = model.model_dump()
    median = figures.get("final_median_encoding_time_seconds")
    if model.status is not Status.OK or median is None:
        why = model.failure.failure_class if model.failure else "no reason known"
        return (model.model_name, f"{model.status}: {why}", "-", "-", "-")
    return (
        model.model_name,
        format_seconds(median),
        _interval(figures["encoding_time_interval"]),
        format_rate(figures["final_median_rows_per_second"]),
        str(len(figures["all_runs"])),
    )


def _interval(interval: Mapping[str, Any] | None) -> str:
    """Return both ends, and the coverage where it is below 95 %."""
    if interval is None:
        return "-"
    low, high = format_seconds(interval["low"]), format_seconds(interval["high"])
    coverage = "" if interval["confidence"] >= 0.95 else f" ({interval['confidence']:.0%})"
    return f"{low} - {high}{coverage}"


def _explain(task: TaskReport) -> list[str]:
    """Return why a task is open and why models failed, a line each."""
    opened = task.workload.division is Division.OPEN
    return [
        *([f"open: {'; '.join(task.workload.open_reasons)}"] if opened else []),
        *(
            f"{model.model_name}: {model.failure.message} {model.failure.remedy}"
            for model in task.models.values()
            if model.failure is not None
        ),
    ]
