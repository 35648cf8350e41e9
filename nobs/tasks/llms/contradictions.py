"""What in a model's report can't be true at once; pure."""

import math
from collections.abc import Iterator

from nobs.schema.base import Status
from nobs.schema.pins import LlmParams, Workload
from nobs.tasks.llms.report import LlmModelReport, LlmRequest, LlmRun

SLACK_S = 1e-6


def contradictions_of(model: LlmModelReport, workload: Workload) -> Iterator[str]:
    """Yield every contradiction within the repeats, and between them and the workload."""
    if model.status is Status.OK:
        yield from _check_asked(model, workload)
    for number, run in enumerate(model.all_runs, start=1):
        yield from (f"repeat {number}: {fault}" for fault in _check_run(run, workload))
    for number, (sample, run) in enumerate(
        zip(model.samples, model.all_runs, strict=False), start=1
    ):
        answers_s = sum(request.total_latency_s or 0.0 for request in run.prompts)
        if answers_s > sample.duration_s + SLACK_S:
            yield f"repeat {number}: its answers take longer than it"


def _check_asked(model: LlmModelReport, workload: Workload) -> Iterator[str]:
    params = workload.params
    if not isinstance(params, LlmParams):
        yield "the workload has no parameters of llms"
        return
    for name in ("max_output_tokens", "temperature"):
        told, asked = getattr(model, name), getattr(params, name)
        if told != asked:
            yield f"{name} is {told}, the workload asks for {asked}"
    if model.server is None:
        yield "no server is told"
    if len(model.all_runs) != len(model.samples):
        yield f"{len(model.all_runs)} repeats stand beside {len(model.samples)} samples"


def _check_run(run: LlmRun, workload: Workload) -> Iterator[str]:
    asked = [request.prompt for request in run.prompts]
    if asked != list(range(1, workload.dataset.rows + 1)):
        yield f"its prompts aren't the {workload.dataset.rows} of the workload"
    for request in run.prompts:
        yield from (f"prompt {request.prompt}: {fault}" for fault in _check_request(request))


def _check_request(request: LlmRequest) -> Iterator[str]:
    latency_s, ttft_s = request.total_latency_s, request.ttft_s
    if (request.failure is None) == (latency_s is None or ttft_s is None):
        yield "it has either a failure or times"
        return
    if latency_s is None or ttft_s is None:
        return
    if not 0 <= ttft_s <= latency_s + SLACK_S:
        yield "its first token doesn't lie within its latency"
    generation_s = request.generation_time_s or 0.0
    if not math.isclose(generation_s, latency_s - ttft_s, abs_tol=SLACK_S):
        yield "generation_time_s isn't total_latency_s less ttft_s"
    rate = request.tokens_per_sec
    if rate is not None and not math.isclose(
        rate * generation_s, request.output_tokens or 0, rel_tol=1e-6
    ):
        yield "tokens_per_sec isn't output_tokens over generation_time_s"
