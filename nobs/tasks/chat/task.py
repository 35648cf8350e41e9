"""What the tasks with served models have in common."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from nobs.errors import UsageError
from nobs.schema import telemetry
from nobs.schema.enums import Backend, Status
from nobs.schema.pins import Params, Workload
from nobs.schema.report import ModelReport
from nobs.schema.result import StepResult
from nobs.schema.server import Locality, ServerRef
from nobs.schema.share import Share
from nobs.tasks.base import NotMergeable, TaskDefinition, own_figures, with_warnings
from nobs.tasks.charts import Chart
from nobs.tasks.chat.aggregate import Runs, figures_of
from nobs.tasks.chat.cache import cache_reasons, cache_warnings
from nobs.tasks.chat.cold import REQUESTS, find_server_contradictions, with_cold
from nobs.tasks.chat.contradictions import contradictions_of, with_rows
from nobs.tasks.chat.deviations import deviations_of, open_reasons_of
from nobs.tasks.chat.figures import CHARTS, FIGURES, SUMMARY
from nobs.tasks.chat.flags import flags_of
from nobs.tasks.chat.load_lines import load_lines
from nobs.tasks.chat.load_options import load_of
from nobs.tasks.chat.notices import warnings_of
from nobs.tasks.chat.options import LOAD
from nobs.tasks.chat.params import ChatParams, ColdParams
from nobs.tasks.chat.report import ChatModelReport, LlmRequest, LlmRun
from nobs.tasks.chat.server import machine_of, runtime_of
from nobs.tasks.chat.server_lines import server_lines
from nobs.tasks.chat.share_merge import merge_models
from nobs.tasks.cold.lines import cold_line
from nobs.tasks.energy import joules_per_1000
from nobs.tasks.figures import Figure
from nobs.tasks.score import calculate_score
from nobs.text import to_line


class ChatTask(TaskDefinition):
    """A task whose work is chat completions of a served model."""

    unit = "tokens"
    bench = "nobs.tasks.chat.bench:ChatBench"
    uses_device = False
    phases: Mapping[str, str] = {
        "data": "reading prompts",
        "load": "connecting to the server",
        "warmup": "sending the first prompts",
        "extra": "measuring under load",
    }
    report_type: type[ChatModelReport] = ChatModelReport
    run_type: type[LlmRun] = LlmRun
    """Of the repeats in `report_type`."""
    request_type: type[LlmRequest] = LlmRequest
    """Of the requests in `run_type`."""
    without_load: tuple[type[Params], ...] = (ColdParams,)
    """Classes of parameters whose workloads measure no load levels."""
    figures: tuple[Figure[Any], ...] = FIGURES
    summary: tuple[Figure[Any], ...] = SUMMARY
    charts: tuple[Chart[Any], ...] = CHARTS
    find_flags = staticmethod(flags_of)

    def apply(self, params: Params, options: Mapping[str, Any]) -> Params:
        """Return `params` changed by `options`; UsageError for load levels without effect."""
        of_load = {option.name: option.flag for option in LOAD}
        if isinstance(params, self.without_load) and (asked := of_load.keys() & options.keys()):
            flags = ", ".join(flag for name, flag in of_load.items() if name in asked)
            raise UsageError(
                f"{flags} has no effect on {params.kind}.",
                "Remove it, or measure load with another profile.",
            )
        load = load_of(options, os.environ, datetime.now(UTC))
        changes = {name: value for name, value in options.items() if name not in of_load}
        return super().apply(params, {**changes, "load": load} if load else changes)

    def parallel_requests(self, params: Params) -> int | None:
        """Return the highest concurrency."""
        levels = params.load.concurrency if isinstance(params, ChatParams) and params.load else ()
        return max(levels, default=None)

    def restarts_server(self, params: Params) -> bool:
        """Return whether the workload measures cold starts."""
        return isinstance(params, ColdParams)

    def share_of(self, params: Params) -> Share | None:
        """Return which share of a load this client drives."""
        return params.load.share if isinstance(params, ChatParams) and params.load else None

    def whole(self, params: Params) -> Params:
        """Return `params` with the whole load."""
        if not isinstance(params, ChatParams) or params.load is None:
            return params
        load = params.load.model_copy(update={"share": None})
        return params.model_copy(update={"load": load})

    def merge(self, runs: Sequence[str], models: Sequence[Any], params: Params) -> ChatModelReport:
        """Return the load of several clients as that of one."""
        if not isinstance(params, ChatParams) or params.load is None:
            raise NotMergeable(["the workload has no load levels"])
        known = [isinstance(model, self.report_type) for model in models]
        unfit = [run for run, is_known in zip(runs, known, strict=True) if not is_known]
        if unfit:
            raise NotMergeable([f"the model of {to_line(run)} isn't readable" for run in unfit])
        return merge_models(runs, models, params.load)

    def summarise(self, result: StepResult, report: ModelReport) -> ChatModelReport:
        """Return medians, their intervals, totals and warnings from the requests of `result`."""
        facts = dict(result.facts)
        runs = [[self.request_type(**request) for request in run] for run in facts.pop("runs", [])]
        figures = report.model_dump() | facts
        found: list[str] = []
        if runs:
            server = ServerRef.model_validate(facts["server"])
            figures |= figures_of(runs, self.run_type)
            figures["joules_per_1000_tokens"] = _energy(result, report.device, server, figures)
            found = [*warnings_of(runs, server), *self.cache_warnings(runs, facts)]
        model = self.report_type.model_validate(figures)
        model = with_warnings(model, (*found, *deviations_of(model)))
        return with_cold(model, model.cold) if model.cold else model

    def rebuild(self, result: StepResult, model: ModelReport) -> StepResult:
        """Return `result` with the requests in the repeats of `model`."""
        runs = model.all_runs if isinstance(model, ChatModelReport) else ()
        requests = [[request.model_dump() for request in run.prompts] for run in runs]
        facts = {**own_figures(model), "runs": requests}
        return result.model_copy(update={"facts": facts})

    def find_open_reasons(self, model: ChatModelReport, workload: Workload) -> Iterable[str]:
        """Yield parameters that the server refused or ignored, and prompts that it had cached."""
        yield from open_reasons_of(model)
        if self.forbids_cache(workload.params):
            yield from cache_reasons(model)

    def forbids_cache(self, params: Params) -> bool:
        """Return whether prompts must not come from the server's cache."""
        return True

    def cache_warnings(self, runs: Runs, facts: Mapping[str, Any]) -> Iterable[str]:
        """Yield how many prompts were cached."""
        return cache_warnings(chain(*runs), facts.get("template_tokens"))

    def settings(self, model: ChatModelReport) -> str:
        """Return quantization and runtime, as in `Q4_K_M, llama.cpp`."""
        return runtime_of(model.server)

    def find_machine(self, model: ChatModelReport) -> str | None:
        """Return the server's host, unless it computes on the report's."""
        return machine_of(model.server)

    def details(self, model: Any) -> Iterable[str]:  # noqa: ANN401
        """Yield the parts of a cold start, the load table and the server's own figures."""
        if model.cold is not None:
            yield cold_line(model.cold)
        yield from load_lines(model)
        yield from server_lines(model)

    def find_contradictions(self, model: Any, workload: Workload) -> Iterator[str]:  # noqa: ANN401
        """Yield contradictions of the requests, of which each start has two."""
        if isinstance(workload.params, ColdParams):
            yield from find_server_contradictions(model)
            workload = with_rows(workload, REQUESTS)
        yield from contradictions_of(model, workload)

    def score(self, models: Sequence[ModelReport]) -> float | None:
        """Return prompts per hour at the median latency; None unless the server is local."""
        ours = [model for model in models if isinstance(model, ChatModelReport)]
        times = [model.final_median_latency_s for model in ours if _is_this_hosts(model)]
        known = [time for time in times if time]
        is_other = any(model.cold or (model.load and model.load.share) for model in ours)
        if is_other or not known or len(known) < len(models):
            return None
        return calculate_score(len(ours[0].all_runs[0].prompts), sum(known))


def _energy(
    result: StepResult, backend: Backend, server: ServerRef, figures: Mapping[str, Any]
) -> telemetry.Figure:
    """Return the joules per 1,000 output tokens if the server is local."""
    if figures["unreconciled"]:
        return telemetry.Figure.absent("the token counts contradict the answers")
    return joules_per_1000(result.telemetry, backend, figures["total_output_tokens"], server)


def _is_this_hosts(model: ChatModelReport) -> bool:
    is_local = model.server is not None and model.server.locality is Locality.LOCAL
    return model.status is Status.OK and is_local
