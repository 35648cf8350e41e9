"""`llms`: latency, time to first token (TTFT) and tokens per second of a served model."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nobs.errors import UsageError
from nobs.schema.base import Status
from nobs.schema.flags import Flag, FlagName
from nobs.schema.pins import Params, Workload
from nobs.schema.report import ModelReport
from nobs.schema.result import StepResult
from nobs.tasks.charts import Chart, ChartKind, Point
from nobs.tasks.chat.contradictions import contradictions_of
from nobs.tasks.chat.figures import CHARTS, FIGURES, MAX_LEVELS, SUMMARY
from nobs.tasks.chat.flags import flags_of
from nobs.tasks.chat.load_lines import load_lines
from nobs.tasks.chat.task import LOAD, MAX_OUTPUT_TOKENS, ChatTask
from nobs.tasks.figures import Figure, Kind, Measured
from nobs.tasks.llms.answers import contradictions_of_answers, find_suspicions
from nobs.tasks.llms.depth import (
    cells_of,
    contradictions_of_depths,
    depth_lines,
    depth_reasons,
    depth_table,
)
from nobs.tasks.llms.params import CheckedLlmParams, DepthParams, LlmParams
from nobs.tasks.llms.report import LlmModelReport
from nobs.tasks.options import DATA, SERVER


def _right(model: LlmModelReport) -> Measured | None:
    answers = model.answers
    if answers is None or answers.share is None:
        return None
    return Measured(value=answers.share, low=answers.low, high=answers.high, confidence=0.95)


RIGHT = Figure[LlmModelReport](
    key="right_answers", label="right", title="Right answers", kind=Kind.SHARE, is_charted=False,
    meaning="share of short closed questions that were answered right", read=_right,
)  # fmt: skip


def _prefills(model: LlmModelReport) -> Sequence[Point]:
    return [
        Point(x=cell.depth, y=cell.prefill_tokens_per_sec)
        for cell in cells_of(model.depth, MAX_LEVELS)
        if cell.depth and cell.prefill_tokens_per_sec is not None
    ]


def _decodes(model: LlmModelReport) -> Sequence[Point]:
    return [
        Point(x=cell.depth, y=cell.decode_tokens_per_sec)
        for cell in cells_of(model.depth, MAX_LEVELS)
        if cell.depth and cell.decode_tokens_per_sec is not None
    ]


DEPTH_CHARTS: tuple[Chart[LlmModelReport], ...] = (
    Chart(
        key="prefill_by_depth", kind=ChartKind.LINES, title="Prefill by prompt length",
        text="Input tokens per second: tokens and TTFT beyond those of an empty prompt.",
        x="tokens of the prompt", doubles=True, y="tokens/s", least=2, read=_prefills,
    ),
    Chart(
        key="decode_heat", kind=ChartKind.HEAT, title="Decode by context depth, all machines",
        text="Output tokens per second; darker is faster.",
        x="tokens of the prompt", y="tokens/s", read=_decodes,
    ),
    Chart(
        key="decode_by_depth", kind=ChartKind.LINES, title="Decode by context depth",
        text="Output tokens per second after a prompt of this length.",
        x="tokens of the prompt", doubles=True, y="tokens/s", least=2, read=_decodes,
    ),
)  # fmt: skip


class Llms(ChatTask):
    """The definition; most of the work is that of every served model."""

    name = "llms"
    title = "LLM inference"
    bench = "nobs.tasks.llms.bench:make_bench"
    params: Mapping[str, type[Params]] = {
        "llms": LlmParams,
        "llms-checked": CheckedLlmParams,
        "llms-depth": DepthParams,
    }
    options = (MAX_OUTPUT_TOKENS, *LOAD, *SERVER, *DATA)
    # If other tasks run too, the user's data set is meant for them.
    options_alone = frozenset(option.name for option in DATA)
    report_type = LlmModelReport
    figures = (*FIGURES, RIGHT)
    summary = (*SUMMARY, RIGHT)
    charts = (*CHARTS, *DEPTH_CHARTS)

    def apply(self, params: Params, options: Mapping[str, Any]) -> Params:
        """Return `params` changed by `options`; UsageError for load levels by depth."""
        asked = [option.flag for option in LOAD if option.name in options]
        if asked and isinstance(params, DepthParams):
            raise UsageError(
                f"{', '.join(asked)} has no effect on {params.kind}.",
                "Remove it, or measure load with another profile.",
            )
        return super().apply(params, options)

    def summarise(self, result: StepResult, report: ModelReport) -> LlmModelReport:
        """Return the figures of every served model, and those by depth."""
        model = super().summarise(result, report)
        if not isinstance(model, LlmModelReport):
            raise TypeError(f"{type(model).__name__} isn't the report of an LLM")
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

    def find_contradictions(self, model: Any, workload: Workload) -> Iterator[str]:  # noqa: ANN401
        """Yield contradictions of the requests; by depth there is one per measured depth."""
        if model.answers is not None:
            yield from contradictions_of_answers(model.answers)
        if model.status is Status.OK:
            yield from _missing_parts(model, workload.params)
        if model.depth is not None:
            yield from contradictions_of_depths(model.depth, workload.params)
            rows = sum(not cell.skipped for cell in model.depth.cells)
            dataset = workload.dataset.model_copy(update={"rows": rows})
            workload = workload.model_copy(update={"dataset": dataset})
        yield from contradictions_of(model, workload)

    def score(self, models: Sequence[ModelReport]) -> float | None:
        """Return prompts per hour; None by depth, where prompts differ too much for a mean."""
        if any(isinstance(model, LlmModelReport) and model.depth for model in models):
            return None
        return super().score(models)

    def details(self, model: Any) -> Iterator[str]:  # noqa: ANN401
        """Yield how many questions were answered right, and the load table."""
        if model.answers is not None:
            counts = " before, ".join(
                f"{each.right} of {each.right + each.wrong}" for each in model.answers.rounds
            )
            yield f"  questions answered right: {counts} after the repeats"
        if model.depth is not None:
            yield from depth_lines(model.depth)
        yield from load_lines(model)


def _suspicions(model: LlmModelReport) -> Iterator[str]:
    if model.answers is not None:
        yield from find_suspicions(model.answers)


def _missing_parts(model: LlmModelReport, params: Params) -> Iterator[str]:
    """Yield that a report doesn't have what its workload measures besides the repeats."""
    if isinstance(params, CheckedLlmParams) and model.answers is None:
        yield "answers is missing, but the workload asks questions"
    if isinstance(params, DepthParams) and model.depth is None:
        yield "depth is missing, but the workload has depths"


DEFINITION = Llms()
