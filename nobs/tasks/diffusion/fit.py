"""Memory by batch size as figures, a chart and contradictions."""

from collections.abc import Iterator, Sequence

from nobs.schema.enums import Backend, Dtype, Status
from nobs.tasks.charts import Chart, ChartKind, Point
from nobs.tasks.diffusion.params import DiffusionFitParams
from nobs.tasks.diffusion.report import DiffusionModelReport
from nobs.tasks.figures import Figure, Kind
from nobs.tasks.fit.figures import largest_of, loaded, slope_of, slopes_of
from nobs.tasks.fit.lines import fit_contradictions, fit_points
from nobs.text import to_line


def _points(model: DiffusionModelReport) -> Sequence[Point]:
    return fit_points(model.fit)


LARGEST = Figure[DiffusionModelReport](
    key="largest_batch", label="largest batch", title="Largest batch that ran", kind=Kind.COUNT,
    is_charted=False, meaning="images in one batch, in every growth", read=largest_of,
)  # fmt: skip
PER_IMAGE = Figure[DiffusionModelReport](
    key="bytes_per_image", label="per image", title="Memory per image of a batch",
    kind=Kind.BYTES, lower_is_better=True, is_charted=False, is_judged=True, read=slope_of,
    runs=slopes_of,
)  # fmt: skip
FIT_FIGURES = (PER_IMAGE, loaded(), LARGEST)
FIT_CHARTS = (
    Chart[DiffusionModelReport](
        key="memory_by_batch", kind=ChartKind.LINES, title="Memory by batch size",
        text="Peak of a new process for each size. A cross marks the size that didn't fit or"
        " wasn't tried. The estimate is a formula, not a result.",
        x="images per batch", doubles=True, y="GiB", series="source", least=2, read=_points,
    ),
)  # fmt: skip


def find_fit_contradictions(
    model: DiffusionModelReport, params: DiffusionFitParams
) -> Iterator[str]:
    """Yield growths that don't fit the workload or the pipeline that was loaded."""
    if model.fit is not None:
        yield from fit_contradictions(model.fit, len(model.samples), params.batch_sizes)
    elif model.status is Status.OK:
        yield "fit is missing, but the workload measures memory by batch size"
    fast = Dtype.FLOAT32 if model.device is Backend.CPU else Dtype.FLOAT16
    asked = {
        "recipe": params.recipe_of(model.model_name), "dtype": params.dtype or fast,
        "vae_dtype": params.vae_dtype,
    }  # fmt: skip
    for name, wanted in asked.items():
        found = getattr(model, name)
        if found is not None and found != wanted:
            yield f"{name} is {to_line(str(found))}, but the workload asks for {wanted}"
