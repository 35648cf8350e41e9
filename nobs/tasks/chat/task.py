"""What the tasks with served models have in common."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from nobs.errors import UsageError
from nobs.schema import telemetry
from nobs.schema.base import Backend, Status
from nobs.schema.flags import Flag
from nobs.schema.pins import Params, Workload
from nobs.schema.report import ModelReport
from nobs.schema.result import StepResult
from nobs.schema.server import Locality, ServerRef
from nobs.tasks.base import TaskDefinition, own_figures
from nobs.tasks.charts import Chart
from nobs.tasks.chat.aggregate import figures_of
from nobs.tasks.chat.cache import cache_reasons
from nobs.tasks.chat.contradictions import contradictions_of
from nobs.tasks.chat.deviations import deviations_of, open_reasons_of
from nobs.tasks.chat.figures import CHARTS, FIGURES, SUMMARY, settings_of
from nobs.tasks.chat.flags import flags_of
from nobs.tasks.chat.load_lines import load_lines
from nobs.tasks.chat.notices import warnings_of
from nobs.tasks.chat.params import Arrivals, ChatParams
from nobs.tasks.chat.report import ChatModelReport, LlmRequest, LlmRun
from nobs.tasks.energy import joules_per_1000
from nobs.tasks.figures import Figure
from nobs.tasks.options import Option
from nobs.tasks.score import calculate_score

MAX_OUTPUT_TOKENS: Option[int] = Option(
    name="max_output_tokens", kind=int, help="Maximum number of output tokens per request."
)
CONCURRENCY: Option[tuple[int, ...]] = Option(
    name="concurrency", kind=int, many=True,
    help="Also measure under load, with this many concurrent requests.",
)  # fmt: skip
RATE: Option[tuple[float, ...]] = Option(
    name="rate", kind=float, many=True, metavar="R[,R]",
    help="Also measure under load, with this many requests arriving per second.",
)  # fmt: skip
ARRIVALS: Option[str] = Option(
    name="arrivals", choices=tuple(Arrivals), default="poisson",
    help="Arrival process of --rate.",
)  # fmt: skip
SWEEP: Option[bool] = Option(
    name="sweep", kind=bool, help="Double the concurrency until throughput stops growing."
)
LOAD: tuple[Option[Any], ...] = (CONCURRENCY, RATE, ARRIVALS, SWEEP)


class ChatTask(TaskDefinition):
    """A task whose work is chat completions of a served model."""

    unit = "tokens"
    bench = "nobs.tasks.chat.bench:ChatBench"
    uses_device = False
    phases: Mapping[str, str] = MappingProxyType(
        {
            "data": "reading prompts",
            "load": "connecting to the server",
            "warmup": "sending the first prompts",
            "extra": "measuring under load",
        }
    )
    report_type: type[ChatModelReport] = ChatModelReport
    run_type: type[LlmRun] = LlmRun
    """Of the repeats in `report_type`."""
    request_type: type[LlmRequest] = LlmRequest
    """Of the requests in `run_type`."""
    figures: tuple[Figure[Any], ...] = FIGURES
    summary: tuple[Figure[Any], ...] = SUMMARY
    charts: tuple[Chart[Any], ...] = CHARTS
    settings = staticmethod(settings_of)

    def apply(self, params: Params, options: Mapping[str, Any]) -> Params:
        """Return `params` with the requested load levels."""
        if ARRIVALS.name in options and RATE.name not in options:
            raise UsageError(
                "--arrivals has no effect without --rate.",
                "Add rates, as in --rate 0.5,1,2, or remove --arrivals.",
            )
        of_load = {option.name for option in LOAD}
        load = {name: value for name, value in options.items() if name in of_load}
        if RATE.name in load:
            load["rates_per_s"] = load.pop(RATE.name)
        changes = {name: value for name, value in options.items() if name not in of_load}
        return super().apply(params, {**changes, "load": load} if load else changes)

    def parallel_requests(self, params: Params) -> int | None:
        """Return the highest concurrency."""
        levels = params.load.concurrency if isinstance(params, ChatParams) and params.load else ()
        return max(levels, default=None)

    def summarise(self, result: StepResult, report: ModelReport) -> ChatModelReport:
        """Return medians, their intervals, totals and warnings from the requests of `result`."""
        facts = dict(result.facts)
        runs = [[self.request_type(**request) for request in run] for run in facts.pop("runs", [])]
        figures = report.model_dump() | facts
        if runs:
            server = ServerRef.model_validate(facts["server"])
            figures |= figures_of(runs, self.run_type)
            figures["joules_per_1000_tokens"] = _energy(result, report.device, server, figures)
            reported = (*report.warnings, *warnings_of(runs, server, facts.get("template_tokens")))
            figures["warnings"] = tuple(dict.fromkeys(reported))
        model = self.report_type.model_validate(figures)
        reported = (*model.warnings, *deviations_of(model))
        return model.model_copy(update={"warnings": tuple(dict.fromkeys(reported))})

    def rebuild(self, result: StepResult, model: ModelReport) -> StepResult:
        """Return `result` with the requests in the repeats of `model`."""
        runs = model.all_runs if isinstance(model, ChatModelReport) else ()
        requests = [[request.model_dump() for request in run.prompts] for run in runs]
        facts = {**own_figures(model), "runs": requests}
        return result.model_copy(update={"facts": facts})

    def find_open_reasons(self, model: ChatModelReport, workload: Workload) -> Iterable[str]:
        """Yield parameters that the server refused or ignored, and prompts that it had cached."""
        yield from open_reasons_of(model)
        yield from cache_reasons(model)

    def find_machine(self, model: ChatModelReport) -> str | None:
        """Return the server's host, unless it computes on the report's."""
        server = model.server
        if server is None or server.locality is Locality.LOCAL:
            return None
        forwarded = server.identity.remote_host if server.identity else None
        return forwarded or urlsplit(server.base_url).hostname or server.base_url

    def find_flags(self, model: Any) -> Iterable[Flag]:  # noqa: ANN401
        """Yield the flags of every served model."""
        return flags_of(model)

    def details(self, model: Any) -> Iterable[str]:  # noqa: ANN401
        """Yield the load table."""
        return load_lines(model)

    def find_contradictions(self, model: Any, workload: Workload) -> Iterable[str]:  # noqa: ANN401
        """Yield contradictions of the requests."""
        return contradictions_of(model, workload)

    def score(self, models: Sequence[ModelReport]) -> float | None:
        """Return prompts per hour at the median latency; None unless the server is local."""
        ours = [model for model in models if isinstance(model, ChatModelReport)]
        times = [model.final_median_latency_s for model in ours if _is_this_hosts(model)]
        known = [time for time in times if time]
        if not known or len(known) < len(models):
            return None
        return calculate_score(len(ours[0].all_runs[0].prompts), sum(known))


def _energy(
    result: StepResult, backend: Backend, server: ServerRef, figures: Mapping[str, Any]
) -> telemetry.Figure:
    """Return the joules per 1,000 output tokens if the server is local."""
    if server.locality is not Locality.LOCAL:
        return telemetry.Figure.absent(f"the server is {server.locality}, not local")
    if figures["unreconciled"]:
        return telemetry.Figure.absent("the token counts contradict the answers")
    return joules_per_1000(result.telemetry, backend, figures["total_output_tokens"])


def _is_this_hosts(model: ChatModelReport) -> bool:
    is_local = model.server is not None and model.server.locality is Locality.LOCAL
    return model.status is Status.OK and is_local
