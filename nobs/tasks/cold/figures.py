"""Figures and chart of cold starts; the task says what its first result is."""

from collections.abc import Sequence
from typing import Any

from nobs.schema.report import ModelReport
from nobs.tasks.charts import Chart, ChartKind
from nobs.tasks.cold.lines import cold_shares
from nobs.tasks.cold.report import ColdStarts, Starts
from nobs.tasks.figures import Figure, Kind, Measured, measured

PROCESS_PARTS = ("interpreter", "imports", "weights", "first pass")
SERVER_PARTS = ("server", "weights", "first token")


def cold_of(model: ModelReport) -> Starts | None:
    """Return the starts of a report whose task measures cold starts."""
    found = getattr(model, "cold", None)
    return found if isinstance(found, Starts) else None


def first_result(label: str, meaning: str) -> Figure[Any]:
    """Return the figure of the whole start."""

    def read(model: ModelReport) -> Measured | None:
        cold = cold_of(model)
        if cold is None:
            return None
        return measured(cold.final_median_first_result_s, cold.first_result_interval)

    def runs(model: ModelReport) -> Sequence[float]:
        cold = cold_of(model)
        return [start.first_result_s for start in cold.each] if cold else []

    return Figure(
        key="first_result_s", label=label, title="Cold start", kind=Kind.SECONDS,
        meaning=meaning, lower_is_better=True, is_judged=True, read=read, runs=runs,
    )  # fmt: skip


def steady(meaning: str) -> Figure[Any]:
    """Return the figure of what the same process computes afterwards."""

    def read(model: ModelReport) -> Measured | None:
        cold = cold_of(model)
        if not isinstance(cold, ColdStarts):
            return None
        return measured(cold.final_median_steady_pass_s)

    return Figure(
        key="steady_pass_s", label="steady", kind=Kind.SECONDS, lower_is_better=True,
        is_charted=False, meaning=meaning, read=read,
    )  # fmt: skip


def parts_chart(parts: Sequence[str], until: str) -> Chart[Any]:
    """Return the chart of the parts of a start up to its first result, `until`."""
    return Chart(
        key="cold_parts", kind=ChartKind.SHARES, title="Time breakdown of a cold start",
        text=f"Parts of the median start, {until}.", x="% of the start", parts=tuple(parts),
        rest_of="weights", read=lambda model: cold_shares(cold_of(model), parts),
    )  # fmt: skip
