"""Figures that all workloads of growing memory have."""

from collections.abc import Sequence
from typing import Any, Protocol

from nobs.tasks.figures import Figure, Kind, Measured, measured
from nobs.tasks.fit.report import Fit


class HasFit(Protocol):
    """The report of a model that may have grown."""

    @property
    def fit(self) -> Fit | None:
        """Memory by size; None in other workloads."""


def slope_of(model: HasFit) -> Measured | None:
    """Return the bytes that its units add."""
    fit = model.fit
    return measured(fit.final_median_slope_bytes, fit.slope_interval) if fit else None


def slopes_of(model: HasFit) -> Sequence[float]:
    """Return the slope of each growth."""
    found = [growth.slope(model.fit.per) for growth in model.fit.growths] if model.fit else []
    return [slope for slope in found if slope is not None]


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


def largest_of(model: HasFit) -> Measured | None:
    """Return the largest size that ran in every growth."""
    return measured(model.fit.largest) if model.fit else None
