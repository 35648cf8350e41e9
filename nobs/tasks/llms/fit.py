"""Memory by context length as figures and a chart."""

from collections.abc import Sequence

from nobs.tasks.charts import Chart, ChartKind, Point
from nobs.tasks.figures import Figure, Kind
from nobs.tasks.fit.figures import largest_of, loaded, slope_of, slopes_of
from nobs.tasks.fit.lines import fit_points
from nobs.tasks.llms.report import LlmModelReport


def _points(model: LlmModelReport) -> Sequence[Point]:
    return fit_points(model.fit)


LARGEST = Figure[LlmModelReport](
    key="largest_context", label="largest context", title="Largest context that ran",
    kind=Kind.COUNT, is_charted=False,
    meaning="tokens of prompt and answer that were computed, in every growth", read=largest_of,
)  # fmt: skip
PER_1000 = Figure[LlmModelReport](
    key="bytes_per_1000_tokens", label="per 1,000", title="Memory per 1,000 tokens of context",
    kind=Kind.BYTES, lower_is_better=True, is_charted=False, is_judged=True, read=slope_of,
    runs=slopes_of,
)  # fmt: skip
FIT_FIGURES = (PER_1000, loaded("with the smallest context"), LARGEST)
FIT_CHARTS = (
    Chart[LlmModelReport](
        key="memory_by_context", kind=ChartKind.LINES, title="Memory by context length",
        text="Peak of a new process of llama.cpp whose context was filled. A cross marks the"
        " length that didn't fit or wasn't tried. The estimate is a formula, not a result.",
        x="tokens of context", doubles=True, y="GiB", series="source", least=2, read=_points,
    ),
)  # fmt: skip
