"""Memory by size of the work: raw points of each growth, and the figures that follow."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import groupby
from statistics import linear_regression, median

from pydantic import Field

from nobs.schema.base import Record
from nobs.schema.report import Interval
from nobs.schema.result import Memory
from nobs.stats import median_of

HOST_MEMORY, DEVICE_MEMORY = "memory", "device memory"


class Stop(StrEnum):
    """Why the work didn't grow further: a finding, not a failure."""

    LARGEST = "the largest size"
    """All sizes of the workload ran."""
    LIMIT = "the memory limit"
    """The next size would have needed more than the limit, or exceeded it and was ended."""
    OUT_OF_MEMORY = "out of memory"
    """The device or the library had no memory left."""
    KILLED = "killed by the system"
    TIME = "the time budget"
    MODEL = "the model's context"
    """It was trained with fewer tokens, and the server gives it no more."""


class FitPoint(Record):
    """One size that ran."""

    size: int = Field(gt=0)
    peak_bytes: int = Field(gt=0)
    """Highest memory while this size was computed, weights included."""
    loaded_bytes: int | None = Field(None, gt=0, exclude_if=lambda value: value is None)
    """After the model was loaded for this size, where each size has a process of its own."""


class Growth(Record):
    """Larger and larger sizes until one stops it, in a new process or in one for each size."""

    before_bytes: int = Field(ge=0)
    """Before the model was loaded: interpreter and libraries; 0 on a device."""
    loaded_bytes: int = Field(ge=0)
    """After the model was loaded and one text or token computed: weights may be read only then."""
    points: tuple[FitPoint, ...]
    """In ascending order."""
    stopped_by: Stop
    stopped_at: int | None
    """The size that didn't run; null if all did."""
    why: str = ""
    """What was expected or happened at that size."""

    @property
    def largest(self) -> int:
        """Return the largest size that ran; 0 if none did."""
        return max((point.size for point in self.points), default=0)

    def slope(self, per: int) -> float | None:
        """Return the bytes that `per` units add (least squares); None with fewer than two sizes."""
        if len(self.points) < 2:
            return None
        sizes = [float(point.size) for point in self.points]
        return per * linear_regression(sizes, [p.peak_bytes for p in self.points]).slope


class Estimate(Record):
    """Memory by a formula, without measuring: not a result."""

    weights_bytes: int = Field(gt=0)
    """Number of weights times the bytes of one."""
    slope_bytes: float | None = None
    """As that of `Fit`; null where the formula doesn't know the model."""
    method: str
    """The formula of `slope_bytes`."""


class Fit(Record):
    """Memory of one model by size of the work."""

    place: str
    """`memory` or `device memory`."""
    unit: str
    """What sizes count: `rows` or `images` of a batch, or `tokens` of context."""
    per: int = Field(gt=0)
    """Units that the slope is given for."""
    limit_bytes: int = Field(gt=0)
    """Highest memory that the process was allowed: a share of what was free, so that the machine
    doesn't swap."""
    growths: tuple[Growth, ...]
    final_median_loaded_bytes: float
    final_median_slope_bytes: float | None
    """Bytes that `per` units add: least squares over the sizes of a growth, median of the
    growths."""
    slope_interval: Interval | None
    """CI of the slope."""
    largest: int
    """The largest size that ran in every growth; 0 if none did."""
    estimate: Estimate | None
    """For comparison; null where the model's shape is unknown."""

    @classmethod
    def of(
        cls,
        growths: Sequence[Growth],
        *,
        place: str,
        counted: tuple[str, int],
        limit_bytes: int,
        estimate: Estimate | None,
    ) -> "Fit":
        """Return the figures of `growths`, of which there is at least one.

        `counted` is the unit, and how many of it the slope is given for.
        """
        unit, per = counted
        slopes = [slope for growth in growths if (slope := growth.slope(per)) is not None]
        return cls(
            place=place,
            unit=unit,
            per=per,
            limit_bytes=limit_bytes,
            growths=tuple(growths),
            final_median_loaded_bytes=median(growth.loaded_bytes for growth in growths),
            final_median_slope_bytes=median_of(slopes),
            slope_interval=Interval.of_repeats(slopes),
            largest=min(growth.largest for growth in growths),
            estimate=estimate,
        )

    def recomputed(self) -> "Fit":
        """Return the figures that follow from the growths."""
        return Fit.of(
            self.growths, place=self.place, counted=(self.unit, self.per),
            limit_bytes=self.limit_bytes, estimate=self.estimate,
        )  # fmt: skip

    @property
    def memory(self) -> Memory:
        """Return the largest peak of the processes; that of the step's own means nothing."""
        peak = max((p.peak_bytes for g in self.growths for p in g.points), default=None)
        if self.place == HOST_MEMORY:
            return Memory(peak_rss_bytes=peak)
        return Memory(peak_rss_bytes=None, device_peak_reserved_bytes=peak)

    def peaks(self) -> dict[int, float]:
        """Return the median peak of each size that ran in every growth."""
        return {
            size: median(point.peak_bytes for point in points)
            for size, points in self._points().items()
        }

    def loads(self) -> dict[int, float]:
        """Return the median memory after load of each size that has a process of its own."""
        found = {
            size: [point.loaded_bytes for point in points if point.loaded_bytes is not None]
            for size, points in self._points().items()
        }
        return {size: median(loads) for size, loads in found.items() if loads}

    def _points(self) -> dict[int, list[FitPoint]]:
        """Return the points of each size that ran in every growth."""
        points = sorted((p for g in self.growths for p in g.points), key=lambda p: p.size)
        return {
            size: list(found)
            for size, found in groupby(points, key=lambda p: p.size)
            if size <= self.largest
        }
