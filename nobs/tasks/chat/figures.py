"""Figures and charts of served models."""

from collections.abc import Callable, Sequence
from itertools import islice

from nobs.tasks.charts import MAX_POINTS, Chart, ChartKind, Point
from nobs.tasks.chat.aggregate import MAX_FAILED_SHARE
from nobs.tasks.chat.load_report import LoadLevel
from nobs.tasks.chat.promise_figures import PROMISE_CHARTS, PROMISE_FIGURES
from nobs.tasks.chat.report import ChatModelReport
from nobs.tasks.figures import Cost, Figure, Kind, Measured, measured, per_joule

MAX_LEVELS = 50

RATE = Figure[ChatModelReport](
    key="tokens_per_sec", label="tokens/s", title="Decode rate", kind=Kind.RATE,
    read=lambda model: measured(model.final_median_tokens_per_sec, model.tokens_per_sec_interval),
    runs=lambda model: [run.median_tokens_per_sec for run in model.all_runs],
    rule=lambda model: model.total_streamed_tokens,
    cost=Cost(
        key="usd_per_1m_output_tokens", label="$/1M output", units=1_000_000,
        work="1M output tokens, at the decode rate of one request at a time",
    ),
)  # fmt: skip
LATENCY = Figure[ChatModelReport](
    key="latency_s", label="latency", title="Latency", kind=Kind.SECONDS, lower_is_better=True,
    read=lambda model: measured(model.final_median_latency_s, model.latency_interval),
    runs=lambda model: [run.median_latency_s for run in model.all_runs],
)  # fmt: skip
TTFT = Figure[ChatModelReport](
    key="ttft_s", label="TTFT", title="Time to first token (TTFT)", kind=Kind.SECONDS,
    lower_is_better=True,
    read=lambda model: measured(model.final_median_ttft_s, model.ttft_interval),
    runs=lambda model: [run.median_ttft_s for run in model.all_runs],
)  # fmt: skip
TOKENS_PER_JOULE: Figure[ChatModelReport] = per_joule(
    "tokens", lambda model: model.joules_per_1000_tokens
)
PREFILL = Figure[ChatModelReport](
    key="prefill_tokens_per_sec", label="prefill tokens/s", kind=Kind.RATE, is_charted=False,
    read=lambda model: measured(model.final_median_prefill_tokens_per_sec),
    cost=Cost(
        key="usd_per_1m_input_tokens", label="$/1M input", units=1_000_000,
        work="1M input tokens, at the prefill rate of one request at a time",
    ),
)  # fmt: skip


def _best_level(model: ChatModelReport) -> LoadLevel | None:
    """Return the load level with the highest throughput, if hardly any of its requests failed."""
    levels = (
        level
        for level in (model.load.levels if model.load else ())
        if level.tokens_per_sec is not None and level.failed <= MAX_FAILED_SHARE * level.requests
    )
    return max(levels, key=lambda level: level.tokens_per_sec or 0.0, default=None)


def _at_best_load(
    read: Callable[[LoadLevel], float | None],
) -> Callable[[ChatModelReport], Measured | None]:
    def read_best(model: ChatModelReport) -> Measured | None:
        level = _best_level(model)
        return measured(read(level)) if level else None

    return read_best


LOAD_RATE = Figure[ChatModelReport](
    key="load_tokens_per_sec", label="tokens/s, load", kind=Kind.RATE, is_charted=False,
    meaning="output tokens/s of all requests at the load level with the highest throughput",
    read=_at_best_load(lambda level: level.tokens_per_sec),
    cost=Cost(
        key="usd_per_1m_output_tokens_under_load", label="$/1M output, load", units=1_000_000,
        work="1M output tokens with their prompts, at the load level with the highest throughput",
        is_metered=False,
    ),
)  # fmt: skip
LOAD_INPUT_RATE = Figure[ChatModelReport](
    key="load_input_tokens_per_sec", label="input tokens/s, load", kind=Kind.RATE,
    is_charted=False,
    meaning="input tokens/s of all requests at the load level with the highest throughput",
    read=_at_best_load(lambda level: level.input_tokens_per_sec),
    cost=Cost(
        key="usd_per_1m_input_tokens_under_load", label="$/1M input, load", units=1_000_000,
        work="1M input tokens with their answers, at the load level with the highest throughput",
        is_metered=False,
    ),
)  # fmt: skip
LOADS = (LOAD_RATE, LOAD_INPUT_RATE, *PROMISE_FIGURES)
"""Figures of load levels."""
FIGURES = (RATE, LATENCY, TTFT, TOKENS_PER_JOULE, PREFILL, *LOADS)
SUMMARY = (LATENCY, TTFT, RATE, TOKENS_PER_JOULE)


def _levels(model: ChatModelReport) -> list[tuple[int, LoadLevel, float]]:
    """Return the levels of fixed concurrency: concurrency, level, tokens per second."""
    found = (
        (level.concurrency, level, level.tokens_per_sec)
        for level in (model.load.levels if model.load else ())
        if level.concurrency and level.concurrency > 0 and level.tokens_per_sec is not None
    )  # fmt: skip
    return list(islice(found, MAX_LEVELS))


def _ttfts(model: ChatModelReport) -> Sequence[Point]:
    return [
        Point(x=concurrency, y=level.median_ttft_s, high=level.p95_ttft_s)
        for concurrency, level, _ in _levels(model)
        if level.median_ttft_s is not None
    ]


def _queues(model: ChatModelReport) -> Sequence[Point]:
    return [
        Point(x=concurrency, y=level.server.waiting_mean, high=level.server.waiting_max)
        for concurrency, level, _ in _levels(model)
        if level.server is not None and level.server.waiting_mean is not None
    ]


def _requests(model: ChatModelReport) -> Sequence[Point]:
    found = (
        Point(x=request.output_tokens, y=request.total_latency_s)
        for run in model.all_runs
        for request in run.prompts
        if request.output_tokens is not None and request.total_latency_s is not None
    )
    return list(islice(found, MAX_POINTS))


_CONCURRENCY = "concurrency (requests in flight)"
CHARTS: tuple[Chart[ChatModelReport], ...] = (
    Chart(
        key="loads",
        kind=ChartKind.LINES,
        title="Throughput under load",
        text="Output tokens per second of all requests together. Each level was measured once.",
        x=_CONCURRENCY,
        doubles=True,
        y="tokens/s",
        least=2,
        read=lambda model: [Point(x=at, y=rate) for at, _, rate in _levels(model)],
    ),
    Chart(
        key="load_ttfts",
        kind=ChartKind.LINES,
        title="TTFT under load",
        text="Median time to first token of the requests of each level; bars extend to p95.",
        x=_CONCURRENCY,
        doubles=True,
        y="seconds",
        high="p95, s",
        least=2,
        read=_ttfts,
    ),
    Chart(
        key="load_queues",
        kind=ChartKind.LINES,
        title="Queue of the server under load",
        text="Requests that waited in the server, by its own figures; bars extend to the maximum.",
        x=_CONCURRENCY,
        doubles=True,
        y="requests",
        high="maximum",
        least=2,
        read=_queues,
    ),
    *PROMISE_CHARTS,
    Chart(
        key="requests",
        kind=ChartKind.DOTS,
        title="Latency against output tokens",
        text="One mark per request.",
        x="output tokens",
        y="seconds",
        read=_requests,
    ),
)
