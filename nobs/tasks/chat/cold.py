"""Cold starts of servers as figures and a chart; what follows from the starts."""

from collections.abc import Iterator

from nobs.tasks.base import with_warnings
from nobs.tasks.charts import Chart
from nobs.tasks.chat.report import ChatModelReport
from nobs.tasks.cold.figures import SERVER_PARTS, first_result, parts_chart
from nobs.tasks.cold.lines import cold_warnings, find_cold_contradictions
from nobs.tasks.cold.report import ServerStarts
from nobs.tasks.figures import Figure, Kind, Measured, measured

REQUESTS = 2
"""The first one after the start, and one that finds everything loaded."""
SLACK_S = 1e-6


def _load(model: ChatModelReport) -> Measured | None:
    cold = model.cold
    return measured(cold.final_median_load_s, cold.load_interval) if cold else None


def _second(model: ChatModelReport) -> Measured | None:
    cold = model.cold
    return measured(cold.final_median_second_ttft_s, cold.second_ttft_interval) if cold else None


LOAD = Figure[ChatModelReport](
    key="cold_load_s", label="load", title="Model load", kind=Kind.SECONDS, lower_is_better=True,
    meaning="reading the weights, not in memory before, until the server is ready", read=_load,
    runs=lambda model: [start.load_s for start in model.cold.starts] if model.cold else [],
)  # fmt: skip
SECOND = Figure[ChatModelReport](
    key="second_ttft_s", label="2nd TTFT", kind=Kind.SECONDS, lower_is_better=True,
    meaning="TTFT of the second request after the start", read=_second, is_charted=False,
    runs=lambda model: [start.second_ttft_s for start in model.cold.starts] if model.cold else [],
)  # fmt: skip
COLD_FIGURES: tuple[Figure[ChatModelReport], ...] = (
    first_result(
        "first token",
        "from the start of the server, or of loading where it runs already, to its first token",
    ),
    LOAD,
    SECOND,
)
COLD_CHARTS: tuple[Chart[ChatModelReport], ...] = (
    parts_chart(SERVER_PARTS, "from the start of the server, or of loading, to the first token"),
)
_OF_REQUESTS = (
    "final_median_latency_s", "final_median_ttft_s", "final_median_tokens_per_sec",
    "final_median_prefill_tokens_per_sec", "final_median_decode_tokens_per_sec",
    "final_median_tokens_per_sec_least", "final_median_tokens_per_sec_most", "latency_interval",
    "ttft_interval", "tokens_per_sec_interval", "joules_per_1000_tokens",
)  # fmt: skip
_OF_RUNS = ("median_latency_s", "median_ttft_s", "median_tokens_per_sec")


def with_cold[M: ChatModelReport](model: M, cold: ServerStarts) -> M:
    """Return `model` without medians over its requests, which are of two kinds."""
    runs = tuple(run.model_copy(update=dict.fromkeys(_OF_RUNS)) for run in model.all_runs)
    blank = model.model_copy(update={**dict.fromkeys(_OF_REQUESTS), "all_runs": runs})
    return with_warnings(blank, cold_warnings(cold))


def find_server_contradictions(model: ChatModelReport) -> Iterator[str]:
    """Yield that there are no starts, or starts that don't fit the repeats or the requests."""
    yield from find_cold_contradictions(model, model.cold)
    starts = model.cold.starts if model.cold else ()
    for number, (start, run) in enumerate(zip(starts, model.all_runs, strict=False), start=1):
        ttfts = [request.ttft_s for request in run.prompts]
        if len(ttfts) != REQUESTS or None in ttfts:
            yield f"start {number} has no two complete answers"
            continue
        first_s, second_s = ttfts
        if (first_s or 0.0) > start.first_token_s + SLACK_S:
            yield f"start {number}: the TTFT of its first request exceeds first_token_s"
        if second_s != start.second_ttft_s:
            yield f"start {number}: second_ttft_s isn't the TTFT of its second request"
