"""Memory by size as text and chart, its contradictions and warnings."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from nobs.schema.enums import Status
from nobs.schema.report import ModelReport
from nobs.tasks.charts import Point
from nobs.tasks.fit.report import Fit, Growth, Stop
from nobs.text import to_line
from nobs.units import format_bytes

MIB, GIB = 2**20, 2**30


def fit_lines(fit: Fit) -> Iterator[str]:
    """Yield the table as lines of at most 80 columns."""
    estimate = fit.estimate
    before = min(growth.before_bytes for growth in fit.growths)
    loaded = format_bytes(round(fit.final_median_loaded_bytes))
    yield f"  {fit.place}: {loaded} after load, {format_bytes(before)} before it"
    if estimate:
        yield f"  estimate of the weights: {format_bytes(estimate.weights_bytes)}"
    loads = fit.loads()
    heading = f"{'loaded, MiB':>13}" if loads else ""
    yield f"  {fit.unit:>10}{heading}{'peak, MiB':>12}"
    for size, peak in fit.peaks().items():
        loaded = f"{loads[size] / MIB:>{len(heading)},.0f}" if size in loads else ""
        yield f"  {size:>10,}{loaded}{peak / MIB:>12,.0f}"
    yield from _slope_lines(fit)
    smallest = min(fit.growths, key=lambda growth: growth.largest)
    yield f"  largest that ran: {fit.largest:,} {fit.unit}; stopped by {smallest.stopped_by}"
    if smallest.stopped_at is not None:
        yield f"  {smallest.stopped_at:,} {fit.unit}: {to_line(smallest.why, 60)}"


def _slope_lines(fit: Fit) -> Iterator[str]:
    slope, interval = fit.final_median_slope_bytes, fit.slope_interval
    if slope is None:
        return
    ends = f" ({_bytes(interval.low)} - {_bytes(interval.high)})" if interval else ""
    each = f"{fit.per:,} {fit.unit} add" if fit.per > 1 else f"each of the {fit.unit} adds"
    yield f"  {each} {_bytes(slope)}{ends}"
    if fit.estimate and fit.estimate.slope_bytes is not None:
        yield f"  estimate: {_bytes(fit.estimate.slope_bytes)} ({to_line(fit.estimate.method, 56)})"


def _bytes(value: float) -> str:
    return format_bytes(round(value)) if value >= 0 else f"-{format_bytes(round(-value))}"


def fit_points(fit: Fit | None) -> Sequence[Point]:
    """Return the measured peaks in GiB, and the line of the estimate."""
    if fit is None:
        return ()
    points = [Point(x=s, y=peak / GIB, series="measured") for s, peak in fit.peaks().items()]
    failed = min(fit.growths, key=lambda growth: growth.largest, default=None)
    if failed and failed.stopped_at is not None:
        text = str(failed.stopped_by)
        points.append(Point(x=failed.stopped_at, y=None, series="measured", text=text))
    estimate = fit.estimate
    if estimate is None or estimate.slope_bytes is None:
        return points
    start = min(growth.before_bytes for growth in fit.growths) + estimate.weights_bytes
    return points + [
        Point(x=size, y=(start + estimate.slope_bytes * size / fit.per) / GIB, series="estimate")
        for size in fit.peaks()
    ]


def find_fit_contradictions(
    model: ModelReport, fit: Fit | None, sizes: Sequence[int], *, by: str
) -> Iterator[str]:
    """Yield growths that don't fit the workload, and figures that don't follow from them.

    `by` is what `sizes` count.
    """
    if fit is None:
        if model.status is Status.OK:
            yield f"fit is missing, but the workload measures memory by {by}"
        return
    if len(fit.growths) != len(model.samples):
        yield f"fit has {len(fit.growths)} growths for {len(model.samples)} samples"
    for number, growth in enumerate(fit.growths, start=1):
        yield from _check_growth(f"growth {number}", growth, sizes, fit.limit_bytes)
    if fit.growths and fit.recomputed() != fit:
        yield "the figures of fit don't follow from its growths"


def _check_growth(
    name: str, growth: Growth, sizes: Sequence[int], limit_bytes: int
) -> Iterator[str]:
    found, peaks = growth.points, [point.peak_bytes for point in growth.points]
    if [point.size for point in found] != list(sizes[: len(found)]):
        yield f"the sizes of {name} aren't the first of the workload"
    if (growth.stopped_by is Stop.LARGEST) != (len(found) == len(sizes)):
        yield f"{name} stopped by {growth.stopped_by} after {len(found)} sizes"
    if growth.loaded_bytes < growth.before_bytes:
        yield f"{name} had less memory with the model than without it"
    if any(after < 0.9 * before for before, after in pairwise(peaks)):
        yield f"the peaks of {name} fall as it grows"
    if any(0.9 * (point.loaded_bytes or 0) > point.peak_bytes for point in found):
        yield f"a size of {name} had less memory at its peak than after its load"
    if max(peaks, default=0) > limit_bytes:
        yield f"a peak of {name} exceeds the limit, but ran"
