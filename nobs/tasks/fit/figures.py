"""Figures and chart of memory; the task says by what it grows."""

from collections.abc import Sequence
from typing import Any, Protocol

from nobs.tasks.charts import Chart, ChartKind
from nobs.tasks.figures import Figure, Kind, Measured, measured
from nobs.tasks.fit.lines import fit_points
from nobs.tasks.fit.report import Fit


class HasFit(Protocol):
    """The report of a model that may have grown."""

    @property
    def fit(self) -> Fit | None:
        """Memory by size; None in other workloads."""


def added(key: str, label: str, title: str) -> Figure[Any]:
    """Return the figure of the bytes that units of the work add."""

    def read(model: HasFit) -> Measured | None:
        fit = model.fit
        return measured(fit.final_median_slope_bytes, fit.slope_interval) if fit else None

    def runs(model: HasFit) -> Sequence[float]:
        found = [growth.slope(model.fit.per) for growth in model.fit.growths] if model.fit else []
        return [slope for slope in found if slope is not None]

    return Figure(
        key=key, label=label, title=title, kind=Kind.BYTES, lower_is_better=True,
        is_charted=False, is_judged=True, read=read, runs=runs,
    )  # fmt: skip


def loaded(meaning: str = "") -> Figure[Any]:
    """Return the figure of the memory after load."""

    def read(model: HasFit) -> Measured | None:
        return measured(model.fit.final_median_loaded_bytes) if model.fit else None

    def runs(model: HasFit) -> Sequence[float]:
        return [float(growth.loaded_bytes) for growth in model.fit.growths] if model.fit else []

    return Figure(
        key="loaded_bytes", label="loaded", title="Memory after load", kind=Kind.BYTES,
        meaning=meaning, lower_is_better=True, is_charted=False, is_judged=True, read=read,
        runs=runs,
    )  # fmt: skip


def largest(key: str, title: str, meaning: str) -> Figure[Any]:
    """Return the figure of the largest size that ran in every growth."""

    def read(model: HasFit) -> Measured | None:
        return measured(model.fit.largest) if model.fit else None

    return Figure(
        key=key, label=key.replace("_", " "), title=title, kind=Kind.COUNT, is_charted=False,
        meaning=meaning, read=read,
    )  # fmt: skip


def memory_chart(key: str, title: str, x: str, text: str) -> Chart[Any]:
    """Return the chart of the peaks by size, and of the estimate; `text` says what was measured."""
    return Chart(
        key=key, kind=ChartKind.LINES, title=title, x=x, doubles=True, y="GiB", series="source",
        text=f"{text} The estimate is a formula, not a result.", least=2,
        read=lambda model: fit_points(model.fit),
    )  # fmt: skip
