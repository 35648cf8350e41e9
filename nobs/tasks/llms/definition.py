"""`llms`: latency, time to first token (TTFT) and tokens per second of a served model."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from nobs.schema.enums import Status
from nobs.schema.flags import Flag, FlagName
from nobs.schema.pins import Params, Workload
from nobs.schema.report import ModelReport
from nobs.schema.result import StepResult
from nobs.tasks.charts import Chart, ChartKind, Point
from nobs.tasks.chat.aggregate import Runs
from nobs.tasks.chat.cold import COLD_CHARTS, COLD_FIGURES
from nobs.tasks.chat.contradictions import with_rows
from nobs.tasks.chat.figures import CHARTS, FIGURES, MAX_LEVELS, SUMMARY
from nobs.tasks.chat.flags import flags_of
from nobs.tasks.chat.task import ChatTask
from nobs.tasks.figures import Figure, Kind, Measured
from nobs.tasks.fit.figures import added, largest, loaded, memory_chart
from nobs.tasks.fit.lines import find_fit_contradictions, fit_lines
from nobs.tasks.llms.answers import contradictions_of_answers, find_suspicions
from nobs.tasks.llms.caching import (
    cache_lines,
    contradictions_of_turns,
    conversation_reasons,
    ttfts_of,
    with_cache,
)
from nobs.tasks.llms.depth import (
    cells_of,
    contradictions_of_depths,
    depth_lines,
    depth_reasons,
    depth_table,
)
from nobs.tasks.llms.options import OPTIONS
from nobs.tasks.llms.params import (
    CacheParams,
    CheckedLlmParams,
    DepthParams,
    LlmFitParams,
    LlmParams,
    LlmsColdParams,
)
from nobs.tasks.llms.report import DepthCell, LlmModelReport
from nobs.tasks.options import DATA


def _right(model: LlmModelReport) -> Measured | None:
    answers = model.answers
    if answers is None or answers.share is None:
        return None
    return Measured(value=answers.share, low=answers.low, high=answers.high, confidence=0.95)


RIGHT = Figure[LlmModelReport](
    key="right_answers", label="right", title="Right answers", kind=Kind.SHARE, is_charted=False,
    meaning="share of short closed questions that were answered right", read=_right,
)  # fmt: skip


def _by_depth(
    rate: Callable[[DepthCell], float | None], least: int = 1
) -> Callable[[LlmModelReport], Sequence[Point]]:
    """Return what reads a rate by depth; that of the empty prompt has no place on a log axis."""
    return lambda model: [
        Point(x=cell.depth, y=value)
        for cell in cells_of(model.depth, MAX_LEVELS)
        if cell.depth >= least and (value := rate(cell)) is not None
    ]


DEPTH_CHARTS: tuple[Chart[LlmModelReport], ...] = (
    Chart(
        key="prefill_by_depth", kind=ChartKind.LINES, title="Prefill by prompt length",
        text="Input tokens per second: tokens and TTFT beyond those of an empty prompt.",
        x="tokens of the prompt", doubles=True, y="tokens/s", least=2,
        read=_by_depth(lambda cell: cell.prefill_tokens_per_sec),
    ),
    Chart(
        key="decode_heat", kind=ChartKind.HEAT, title="Decode by context depth, all machines",
        text="Output tokens per second; darker is faster.",
        x="tokens of the prompt", y="tokens/s",
        read=_by_depth(lambda cell: cell.decode_tokens_per_sec, least=0),
    ),
    Chart(
        key="decode_by_depth", kind=ChartKind.LINES, title="Decode by context depth",
        text="Output tokens per second after a prompt of this length.",
        x="tokens of the prompt", doubles=True, y="tokens/s", least=2,
        read=_by_depth(lambda cell: cell.decode_tokens_per_sec),
    ),
)  # fmt: skip

CACHE_CHARTS: tuple[Chart[LlmModelReport], ...] = (
    Chart(
        key="ttft_by_turn", kind=ChartKind.LINES, title="TTFT by turn of a conversation",
        text="Median time to first token with the server's prompt cache, and of the same texts"
        " uncached; bars extend to the end of the CI.",
        x="turn", counts=True, y="seconds", high="end of CI, s", series="prompts", least=2,
        read=ttfts_of,
    ),
)  # fmt: skip

FIT_FIGURES = (
    added("bytes_per_1000_tokens", "per 1,000", "Memory per 1,000 tokens of context"),
    loaded("with the smallest context"),
    largest(
        "largest_context", "Largest context that ran",
        "tokens of prompt and answer that were computed, in every growth",
    ),
)  # fmt: skip
FIT_CHART = memory_chart(
    "memory_by_context", "Memory by context length", "tokens of context",
    "Peak of a new process of llama.cpp whose context was filled. A cross marks the length that"
    " didn't fit or wasn't tried.",
)  # fmt: skip


class Llms(ChatTask):
    """The definition; most of the work is that of every served model."""

    name = "llms"
    title = "LLM inference"
    bench = "nobs.tasks.llms.bench:open_bench"
    params: Mapping[str, type[Params]] = {
        "llms": LlmParams,
        "llms-checked": CheckedLlmParams,
        "llms-depth": DepthParams,
        "llms-cache": CacheParams,
        "llms-cold": LlmsColdParams,
        "llms-fit": LlmFitParams,
    }
    without_load = (*ChatTask.without_load, DepthParams, CacheParams, LlmFitParams)
    options = OPTIONS
    # If other tasks run too, the user's data set is meant for them.
    options_alone = frozenset(option.name for option in DATA)
    report_type = LlmModelReport
    figures = (*FIGURES, RIGHT, *COLD_FIGURES, *FIT_FIGURES)
    summary = (*SUMMARY, RIGHT, *COLD_FIGURES, *FIT_FIGURES)
    charts = (*CHARTS, *DEPTH_CHARTS, *CACHE_CHARTS, *COLD_CHARTS, FIT_CHART)

    def summarise(self, result: StepResult, report: ModelReport) -> LlmModelReport:
        """Return the figures of every served model, and those by depth."""
        model = super().summarise(result, report)
        if not isinstance(model, LlmModelReport):
            raise TypeError(f"{type(model).__name__} isn't the report of an LLM")
        if model.fit is not None:
            return model.model_copy(update={"memory": model.fit.memory})
        if model.cache is not None:
            return with_cache(model, model.cache)
        if model.depth is None:
            return model
        return model.model_copy(update={"depth": depth_table(model.depth, model.all_runs)})

    def find_flags(self, model: Any) -> Iterator[Flag]:  # noqa: ANN401 - as in the base
        """Yield the flags of every served model, and that its output is suspect."""
        yield from flags_of(model)
        if reasons := list(_suspicions(model)):
            yield Flag.warning(FlagName.OUTPUT_SUSPECT, f"The output is suspect: {reasons[0]}.")

    def find_open_reasons(self, model: Any, workload: Workload) -> Iterator[str]:  # noqa: ANN401
        """Yield the reasons of every served model, and why the output is suspect."""
        yield from super().find_open_reasons(model, workload)
        yield from (f"answers: {reason}" for reason in _suspicions(model))
        if model.depth is not None:
            yield from depth_reasons(model.depth)
        if model.cache is not None:
            yield from conversation_reasons(model.cache)

    def forbids_cache(self, params: Params) -> bool:
        """Return whether the workload isn't the one that measures the cache."""
        return not isinstance(params, CacheParams)

    def cache_warnings(self, runs: Runs, facts: Mapping[str, Any]) -> Iterable[str]:
        """Yield how many prompts were cached, unless they should be."""
        return () if facts.get("cache") else super().cache_warnings(runs, facts)

    def find_contradictions(self, model: Any, workload: Workload) -> Iterator[str]:  # noqa: ANN401
        """Yield contradictions of the requests; by depth there is one per measured depth."""
        if isinstance(workload.params, LlmFitParams):
            yield from _check_fit(model, workload.params)
            return
        if model.answers is not None:
            is_complete = model.interrupted_after is None
            yield from contradictions_of_answers(model.answers, is_complete=is_complete)
        if model.status is Status.OK:
            yield from _missing_parts(model, workload.params)
        if model.depth is not None:
            yield from contradictions_of_depths(model.depth, workload.params)
            workload = with_rows(workload, sum(not cell.skipped for cell in model.depth.cells))
        if model.cache is not None:
            yield from contradictions_of_turns(model.cache, workload.params)
            workload = with_rows(workload, 2 * len(model.cache.turns) - 1)
        yield from super().find_contradictions(model, workload)

    def score(self, models: Sequence[ModelReport]) -> float | None:
        """Return prompts per hour; None where prompts differ too much for a mean."""
        ours = [model for model in models if isinstance(model, LlmModelReport)]
        if any(model.depth or model.cache for model in ours):
            return None
        return super().score(models)

    def details(self, model: Any) -> Iterator[str]:  # noqa: ANN401
        """Yield how many questions were answered right, and the load table."""
        if model.answers is not None:
            rounds = zip(("before", "after"), model.answers.rounds, strict=False)
            counts = ", ".join(
                f"{each.right} of {each.right + each.wrong} {when}" for when, each in rounds
            )
            yield f"  questions answered right: {counts} the repeats"
            if any(each.unjudged for each in model.answers.rounds):
                unjudged = " and ".join(str(each.unjudged) for each in model.answers.rounds)
                yield f"  not judged (failed, or cut before their text): {unjudged}"
        if model.depth is not None:
            yield from depth_lines(model.depth)
        if model.cache is not None:
            yield from cache_lines(model.cache)
        if model.fit is not None:
            yield from fit_lines(model.fit)
        yield from super().details(model)


def _suspicions(model: LlmModelReport) -> Iterator[str]:
    if model.answers is not None:
        yield from find_suspicions(model.answers)


def _missing_parts(model: LlmModelReport, params: Params) -> Iterator[str]:
    """Yield that a report doesn't have what its workload measures besides the repeats."""
    if isinstance(params, CheckedLlmParams) and model.answers is None:
        yield "answers is missing, but the workload asks questions"
    if isinstance(params, DepthParams) and model.depth is None:
        yield "depth is missing, but the workload has depths"
    if isinstance(params, CacheParams) and model.cache is None:
        yield "cache is missing, but the workload is a conversation"


def _check_fit(model: LlmModelReport, params: LlmFitParams) -> Iterator[str]:
    """Yield contradictions of the growths, which have no requests."""
    yield from find_fit_contradictions(
        model, model.fit, params.context_lengths, by="context length"
    )
    if model.all_runs:
        yield "it has requests, but the workload sends none that is timed"


DEFINITION = Llms()
