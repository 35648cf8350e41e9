"""Data of charts that are safe to show."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from nobs.schema.report import ModelReport
from nobs.tasks.base import TaskDefinition
from nobs.tasks.charts import Mark, Picture, Point
from nobs.text import to_line


def read_charts(
    definition: TaskDefinition, model: ModelReport
) -> Iterator[tuple[str, tuple[Mark, ...]]]:
    """Yield key and data of each chart for which `model` has data."""
    for chart in definition.charts:
        if safe := tuple(_make_safe(chart.read(model))):
            yield chart.key, safe


def _make_safe(marks: Iterable[Mark]) -> Iterator[Mark]:
    """Yield `marks` with texts that are safe to print; pictures only if they are plain."""
    for mark in marks:
        match mark:
            case Point() if mark.series or mark.text:
                yield replace(mark, series=to_line(mark.series), text=to_line(mark.text))
            case Picture() if mark.is_plain:
                yield replace(mark, text=to_line(mark.text))
            case Point() | float() | int():
                yield mark
