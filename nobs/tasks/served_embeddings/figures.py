"""Figures, charts and lines of served embeddings."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from statistics import median
from textwrap import wrap

from nobs.tasks.charts import MAX_POINTS, Chart, ChartKind, Point
from nobs.tasks.chat.server import runtime_of
from nobs.tasks.figures import Cost, Figure, Kind, measured, per_joule
from nobs.tasks.served_embeddings.aggregate import rates_of
from nobs.tasks.served_embeddings.report import EmbeddingsCell, ServedEmbeddingsReport, VectorCheck
from nobs.text import to_line
from nobs.units import rate_or_dash, time_or_dash


def _runs(model: ServedEmbeddingsReport) -> Sequence[float | None]:
    if model.best_inputs is None or model.best_concurrency is None:
        return ()
    return rates_of(model.all_runs, model.best_inputs, model.best_concurrency)


def _medians(model: ServedEmbeddingsReport) -> Sequence[float | None]:
    """Return the median latency of the first cell in each repeat."""
    if model.final_median_latency_s is None:
        return ()
    first = [run.cells[0].latencies_s for run in model.all_runs if run.cells]
    return [median(latencies) if latencies else None for latencies in first]


RATE = Figure[ServedEmbeddingsReport](
    key="rows_per_second", label="rows/s", title="Throughput", kind=Kind.RATE,
    meaning="texts per second at the request size and concurrency with the highest throughput",
    read=lambda model: measured(model.final_median_rows_per_second, model.rows_per_second_interval),
    runs=_runs,
    cost=Cost(
        key="usd_per_1000_served_rows", label="$/1,000 rows", units=1000,
        work="1,000 rows, at the request size and concurrency with the highest throughput",
        # A repeat has other cells too, with another power.
        is_metered=False,
    ),
)  # fmt: skip
TOKENS = Figure[ServedEmbeddingsReport](
    key="input_tokens_per_second", label="input tokens/s", kind=Kind.RATE, is_charted=False,
    read=lambda model: measured(model.final_median_tokens_per_second),
)  # fmt: skip
LATENCY = Figure[ServedEmbeddingsReport](
    key="single_latency_s", label="latency, 1 at once", title="Latency of one request at a time",
    kind=Kind.SECONDS, lower_is_better=True,
    meaning="median latency of the smallest requests, sent one at a time",
    read=lambda model: measured(model.final_median_latency_s, model.latency_interval),
    runs=_medians,
)  # fmt: skip
ROWS_PER_JOULE: Figure[ServedEmbeddingsReport] = per_joule(
    "rows", lambda model: model.joules_per_1000_rows
)
FIGURES = (RATE, LATENCY, TOKENS, ROWS_PER_JOULE)
SUMMARY = (RATE, LATENCY, TOKENS, ROWS_PER_JOULE)


def settings_of(model: ServedEmbeddingsReport) -> str:
    """Return runtime and best cell, as in `vllm, 32 texts x 8 at once`."""
    best = ""
    if model.best_inputs is not None:
        best = f"{_texts(model.best_inputs)} x {model.best_concurrency} at once"
    return ", ".join(filter(None, (runtime_of(model.server), best)))


def _texts(count: int) -> str:
    return f"{count} {'text' if count == 1 else 'texts'}"


def _measured(model: ServedEmbeddingsReport) -> list[EmbeddingsCell]:
    cells = (cell for cell in model.cells if cell.rows_per_second is not None)
    return [cell for cell in cells if cell.concurrency > 0][:MAX_POINTS]


def _series(cell: EmbeddingsCell) -> str:
    return f"{_texts(cell.inputs)} per request"


def _rates(model: ServedEmbeddingsReport) -> Sequence[Point]:
    return [
        Point(x=cell.concurrency, y=cell.rows_per_second, series=_series(cell))
        for cell in _measured(model)
    ]


def _latencies(model: ServedEmbeddingsReport) -> Sequence[Point]:
    return [
        Point(
            x=cell.concurrency, y=cell.p50_latency_s, high=cell.p99_latency_s, series=_series(cell)
        )
        for cell in _measured(model)
        if cell.p50_latency_s is not None
    ]


_CONCURRENCY = "concurrency (requests in flight)"
CHARTS: tuple[Chart[ServedEmbeddingsReport], ...] = (
    Chart(
        key="served_rates", kind=ChartKind.LINES, title="Throughput by request size and load",
        text="Texts per second of all requests together, one line per request size.",
        x=_CONCURRENCY, doubles=True, y="rows/s", series="request size", least=2, read=_rates,
    ),
    Chart(
        key="served_latencies", kind=ChartKind.LINES, title="Latency by request size and load",
        text="Median latency of a request; bars extend to the 99th percentile where 100 requests"
        " were answered.",
        x=_CONCURRENCY, doubles=True, y="seconds", high="p99, s", series="request size", least=2,
        read=_latencies,
    ),
)  # fmt: skip

_ROW = "  {:>8}{:>9}{:>11}{:>11}{:>11}{:>11}{:>8}"
_HEADS = ("texts", "at once", "rows/s", "tokens/s", "p50", "p99", "failed")


def cell_lines(model: ServedEmbeddingsReport) -> Iterator[str]:
    """Yield the table of cells and what the check of the vectors found."""
    if not model.cells:
        return
    yield _ROW.format(*_HEADS)
    for cell, following in zip_longest(model.cells, model.cells[1:]):
        yield _ROW.format(
            cell.inputs, cell.concurrency, rate_or_dash(cell.rows_per_second),
            rate_or_dash(cell.tokens_per_second), time_or_dash(cell.p50_latency_s),
            time_or_dash(cell.p99_latency_s),
            sum(cell.failures.values()),
        )  # fmt: skip
        if cell.skipped and cell.skipped != (following and following.skipped):
            indent = " " * 19
            yield from wrap(
                to_line(cell.skipped, 200), 80, initial_indent=indent, subsequent_indent=indent
            )
    if model.check is not None:
        yield f"  {_describe(model.check)}"[:80]


def _describe(check: VectorCheck) -> str:
    """Return how far the vectors were checked, in one line."""
    found = f"{check.vectors} vectors of {check.dimension} values"
    stored = check.stored
    if stored and stored.lowest_cosine is not None and stored.lowest_cosine >= stored.threshold:
        return f"{found}: cosine to {stored.rows} stored ones at least {stored.lowest_cosine:.4f}"
    return f"{found}: {check.related_right} of {check.related} near their own beginning"
