"""Figures and the chart of `example`."""

from collections.abc import Sequence

from nobs.tasks.charts import Chart, ChartKind, Point
from nobs.tasks.figures import Figure, Kind, Measured, measured, per_time

from .records import ExampleModelReport


def _flops(model: ExampleModelReport) -> Measured | None:
    """Return FLOP/s; a multiply-add is two."""
    size, products, time_s = model.matrix_size, model.products, model.final_median_time_seconds
    if not (size and products and time_s):
        return None
    work = 2.0 * size**3 * products
    return per_time(work / time_s, work, model.time_interval)


def _scaling(model: ExampleModelReport) -> Sequence[Point]:
    return [Point(x=trial.matrix_size, y=trial.time_s) for trial in model.scaling]


RATE: Figure[ExampleModelReport] = Figure(
    key="products_per_second", label="products/s", title="Products per second", kind=Kind.RATE,
    read=lambda model: per_time(
        model.final_median_products_per_second, model.products, model.time_interval
    ),
    runs=lambda model: [sample.units / sample.duration_s for sample in model.samples],
)  # fmt: skip
# Another task has a figure of this key, too: it is the same figure.
TIME: Figure[ExampleModelReport] = Figure(
    key="time_s", label="time", kind=Kind.SECONDS, lower_is_better=True, is_charted=False,
    read=lambda model: measured(model.final_median_time_seconds, model.time_interval),
    runs=lambda model: [sample.duration_s for sample in model.samples],
)  # fmt: skip
FLOPS: Figure[ExampleModelReport] = Figure(
    key="flop_per_second", label="FLOP/s", kind=Kind.RATE, read=_flops
)
FIGURES = (RATE, TIME, FLOPS)

SCALING: Chart[ExampleModelReport] = Chart(
    key="scaling",
    kind=ChartKind.LINES,
    title="Time by size",
    text="Time of one product against the size of its matrices.",
    x="rows and columns",
    doubles=True,
    y="seconds",
    least=2,
    read=_scaling,
)
