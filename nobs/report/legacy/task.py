"""Read imported models as the figures of today's tasks."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any

from nobs.report.definitions import Unknown, find_definition, known_figures
from nobs.report.legacy.figures import FIGURES
from nobs.report.legacy.report import LegacyModelReport
from nobs.schema.report import ModelReport
from nobs.tasks import TASKS
from nobs.tasks.base import TaskDefinition
from nobs.tasks.charts import MAX_POINTS, Point
from nobs.tasks.figures import Figure, Measured, measured, per_time

_FIELDS = {
    "rows_per_second": "rows_per_second",
    "tokens_per_sec": "tokens_per_sec",
    "latency_s": "latency_s",
    "ttft_s": "ttft_s",
    "time_s": "encoding_time_seconds",
}
"""Figure -> field of imported repeats, in table order."""
_SUMMARY = ("time_s", "latency_s", "rows_per_second", "ttft_s", "tokens_per_sec")


class Legacy(Unknown):
    """Definition that only reads imported models, of any task."""

    name = "legacy"
    title = "Imported results"
    report_type = LegacyModelReport

    def details(self, model: ModelReport) -> Iterator[str]:
        """Yield nothing: its figures are shown."""
        yield from ()

    def settings(self, model: LegacyModelReport) -> str:
        """Return dtype and batch size."""
        batch = f"batch {model.batch_size}" if model.batch_size else None
        return ", ".join(filter(None, (model.dtype, batch)))


@cache
def legacy_definition() -> TaskDefinition:
    """Return the definition whose figures and charts are those of today's tasks."""
    known = known_figures()
    found = {key: _figure(known[key], field) for key, field in _FIELDS.items() if key in known}
    charts = (chart for name in TASKS for chart in find_definition(name).charts)
    legacy = Legacy()
    legacy.figures = tuple(found.values())
    legacy.summary = tuple(found[key] for key in _SUMMARY if key in found)
    legacy.charts = tuple(replace(c, read=_requests) for c in charts if c.key == "requests")
    return legacy


def _figure(figure: Figure[Any], field: str) -> Figure[LegacyModelReport]:
    """Return `figure` as read from the field of imported repeats."""

    def runs(model: LegacyModelReport) -> Sequence[float | None]:
        return [getattr(run, field) for run in model.all_runs]

    def read(model: LegacyModelReport) -> Measured | None:
        value = getattr(model, f"final_median_{field}")
        interval = FIGURES[field]
        if interval:
            return measured(value, getattr(model, interval))
        # Imported repeats are rounded, the number of rows is whole.
        rows = value and round(value * (model.final_median_encoding_time_seconds or 0))
        return per_time(value, rows, model.encoding_time_interval)

    # Rates of tokens are over the whole latency there, and of a server of unknown location.
    cost = figure.cost if field == "rows_per_second" else None
    return replace(figure, read=read, runs=runs, rule=lambda model: None, cost=cost)


def _requests(model: LegacyModelReport) -> Sequence[Point]:
    found = (
        Point(x=request.output_tokens, y=request.total_latency_s)
        for run in model.all_runs
        for request in run.requests
        if request.output_tokens is not None
    )
    return list(islice(found, MAX_POINTS))
