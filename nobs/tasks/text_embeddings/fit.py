"""Memory by batch size as figures and a chart."""

from collections.abc import Sequence

from nobs.tasks.charts import Chart, ChartKind, Point
from nobs.tasks.figures import Figure, Kind
from nobs.tasks.fit.figures import largest_of, loaded, slope_of, slopes_of
from nobs.tasks.fit.lines import fit_points
from nobs.tasks.text_embeddings.report import EmbeddingsModelReport


def _points(model: EmbeddingsModelReport) -> Sequence[Point]:
    return fit_points(model.fit)


LARGEST = Figure[EmbeddingsModelReport](
    key="largest_batch", label="largest batch", title="Largest batch that ran", kind=Kind.COUNT,
    is_charted=False, meaning="rows of the model's full length in one batch, in every growth",
    read=largest_of,
)  # fmt: skip
LOADED: Figure[EmbeddingsModelReport] = loaded()
PER_ROW = Figure[EmbeddingsModelReport](
    key="bytes_per_row", label="per row", title="Memory per row of a batch", kind=Kind.BYTES,
    lower_is_better=True, is_charted=False, is_judged=True, read=slope_of,
    runs=slopes_of,
)  # fmt: skip
MEMORY = Chart[EmbeddingsModelReport](
    key="memory_by_batch", kind=ChartKind.LINES, title="Memory by batch size",
    text="Peak of a new process, rows of the model's full length. A cross marks the size that"
    " didn't fit or wasn't tried. The estimate is a formula, not a result.",
    x="rows per batch", doubles=True, y="GiB", series="source", least=2, read=_points,
)  # fmt: skip
