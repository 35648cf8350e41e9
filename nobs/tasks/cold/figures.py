"""Figures and chart of cold starts; the task says what its first result is."""

from collections.abc import Sequence
from typing import Any, Protocol

from nobs.tasks.charts import Chart, ChartKind, shares_of
from nobs.tasks.cold.report import ColdStarts, Starts
from nobs.tasks.figures import Figure, Kind, Measured, measured

PROCESS_PARTS = ("interpreter", "imports", "weights", "first pass")
SERVER_PARTS = ("server", "weights", "first token")


class HasCold(Protocol):
    """The report of a model that may have started cold."""

    @property
    def cold(self) -> Starts | None:
        """The starts; None in other workloads."""


def first_result(label: str, meaning: str) -> Figure[Any]:
    """Return the figure of the whole start."""

    def read(model: HasCold) -> Measured | None:
        cold = model.cold
        if cold is None:
            return None
        return measured(cold.final_median_first_result_s, cold.first_result_interval)

    def runs(model: HasCold) -> Sequence[float]:
        return [start.first_result_s for start in model.cold.each] if model.cold else []

    return Figure(
        key="first_result_s", label=label, title="Cold start", kind=Kind.SECONDS,
        meaning=meaning, lower_is_better=True, is_judged=True, read=read, runs=runs,
    )  # fmt: skip


def steady(meaning: str) -> Figure[Any]:
    """Return the figure of what the same process computes afterwards."""

    def read(model: HasCold) -> Measured | None:
        cold = model.cold
        return measured(cold.final_median_steady_pass_s) if isinstance(cold, ColdStarts) else None

    return Figure(
        key="steady_pass_s", label="steady", kind=Kind.SECONDS, lower_is_better=True,
        is_charted=False, meaning=meaning, read=read,
    )  # fmt: skip


def parts_chart(names: Sequence[str], until: str) -> Chart[Any]:
    """Return the chart of the parts of a start up to its first result, `until`."""

    def read(model: HasCold) -> Sequence[float]:
        if model.cold is None or not model.cold.each:
            return ()
        parts = model.cold.middle.parts()
        return shares_of([parts.get(name, 0.0) for name in names])

    return Chart(
        key="cold_parts", kind=ChartKind.SHARES, title="Time breakdown of a cold start",
        text=f"Parts of the median start, {until}.", x="% of the start", parts=tuple(names),
        rest_of="weights", read=read,
    )  # fmt: skip
