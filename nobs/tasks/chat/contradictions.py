"""Contradictions in the report of a served model."""

import math
from collections.abc import Iterator

from nobs.providers.evidence import Seen, find_elsewhere
from nobs.providers.model_names import find_other_model, names_same_model
from nobs.schema.enums import Status
from nobs.schema.pins import Workload
from nobs.schema.server import Locality, RequestShape, ServerRef
from nobs.tasks.chat.aggregate import MAX_FAILED_SHARE, chars_of
from nobs.tasks.chat.client.counts import are_too_many
from nobs.tasks.chat.client.finish import whole_reason
from nobs.tasks.chat.client.record import Percentiles
from nobs.tasks.chat.load_checks import load_contradictions_of
from nobs.tasks.chat.params import ChatParams
from nobs.tasks.chat.promise_checks import promise_contradictions_of
from nobs.tasks.chat.report import ChatModelReport, LlmRequest, LlmRun
from nobs.tasks.chat.server_checks import contradictions_of_server
from nobs.tasks.chat.share_checks import share_contradictions_of

SLACK_S = 1e-6
HTTP_OK = 200


def contradictions_of(model: ChatModelReport, workload: Workload) -> Iterator[str]:
    """Yield every contradiction within the repeats, and between them and the workload."""
    if model.status is Status.OK:
        yield from _check_asked(model, workload)
    for number, run in enumerate(model.all_runs, start=1):
        yield from (
            f"repeat {number}: {fault}" for fault in _check_run(run, workload, model.server)
        )
    for number, (sample, run) in enumerate(
        zip(model.samples, model.all_runs, strict=False), start=1
    ):
        answers_s = sum(request.total_latency_s or 0.0 for request in run.prompts)
        if answers_s > sample.duration_s + SLACK_S:
            yield f"repeat {number}: its answers take longer than the repeat"
        if sample.units != run.total_output_tokens:
            yield f"repeat {number}: units isn't the sum of output tokens"
    for name in ("chunk_gaps", "itl"):
        yield from _check_pooled(name, model)
    yield from _check_bursts(model)
    if model.load is not None:
        yield from load_contradictions_of(model.load)
        asked = workload.params.load if isinstance(workload.params, ChatParams) else None
        yield from promise_contradictions_of(model.load, asked)
        has_repeats = bool(model.all_runs)
        yield from share_contradictions_of(model.load, asked, has_repeats=has_repeats)
    yield from contradictions_of_server(model)


def with_rows(workload: Workload, rows: int) -> Workload:
    """Return `workload` with the number of requests of a repeat in place of its data set's rows."""
    dataset = workload.dataset.model_copy(update={"rows": rows})
    return workload.model_copy(update={"dataset": dataset})


def _whole_answers(model: ChatModelReport) -> list[LlmRequest]:
    return [request for run in model.all_runs for request in run.prompts if not request.failure]


def _check_pooled(name: str, model: ChatModelReport) -> Iterator[str]:
    """Yield pooled gaps that contradict those of the answers."""
    pooled: Percentiles | None = getattr(model, name)
    answers = _whole_answers(model)
    if sum(request.is_coalesced for request in answers) > MAX_FAILED_SHARE * len(answers):
        if pooled:
            yield f"{name} is given, but too many answers arrived in bursts"
        return
    found: Iterator[Percentiles | None] = (getattr(request, name) for request in answers)
    longest = max((gaps.max_s for gaps in found if gaps), default=None)
    if (pooled and pooled.max_s) != longest:
        yield f"{name}.max_s isn't the longest of the answers' {name}"
    if pooled and not _is_ordered(pooled):
        yield f"{name}: percentiles aren't in ascending order"


def _check_bursts(model: ChatModelReport) -> Iterator[str]:
    """Yield that too many answers arrived in bursts: half of their gaps are zero.

    A busy machine may do this to single answers.
    """
    answers = _whole_answers(model)
    bursts = sum(
        each.chunk_gaps is not None and each.chunk_gaps.median_s == 0 < each.chunk_gaps.max_s
        for each in answers
    )
    if bursts > MAX_FAILED_SHARE * len(answers):
        yield f"half of the gaps of {bursts} of {len(answers)} answers are 0: bursts of chunks"


def _check_asked(model: ChatModelReport, workload: Workload) -> Iterator[str]:
    params = workload.params
    if not isinstance(params, ChatParams):
        yield "the workload has no parameters of a served model"
        return
    shape = model.server.request if model.server else RequestShape()
    is_sent = {"max_output_tokens": shape.limit_field is not None, "temperature": shape.temperature}
    for name, sent in is_sent.items():
        reported, asked = getattr(model, name), getattr(params, name) if sent else None
        if reported != asked:
            yield f"{name} is {reported}, but the workload asks for {asked}"
    if model.server is None:
        yield "server is missing"
    else:
        yield from _check_place(model.server)
        yield from _check_loaded(model.server)
    if len(model.all_runs) != len(model.samples):
        yield f"{len(model.all_runs)} repeats in all_runs, but {len(model.samples)} samples"


def _check_place(server: ServerRef) -> Iterator[str]:
    """Yield that a server is marked local although it reports otherwise."""
    if server.locality is not Locality.LOCAL or server.identity is None:
        return
    elsewhere = find_elsewhere(server.identity, Seen())
    if elsewhere is not None and elsewhere.locality is Locality.REMOTE:
        yield f"the server is marked local. {elsewhere.reason}"


def _check_loaded(server: ServerRef) -> Iterator[str]:
    """Yield that the server had other models loaded instead of the requested one."""
    other = find_other_model(server.identity, None) if server.identity else None
    if other is not None:
        yield f"the server had {other} loaded, but {server.model!r} was requested"


def _check_run(run: LlmRun, workload: Workload, server: ServerRef | None) -> Iterator[str]:
    asked = [request.prompt for request in run.prompts]
    if asked != list(range(1, workload.dataset.rows + 1)):
        yield f"its prompts aren't the {workload.dataset.rows} prompts of the workload"
    for request in run.prompts:
        faults = (*_check_request(request), *_check_model(request, server))
        yield from (f"prompt {request.prompt}: {fault}" for fault in faults)


def _check_model(request: LlmRequest, server: ServerRef | None) -> Iterator[str]:
    if server is None or request.failure is not None or request.model is None:
        return
    if not names_same_model(server.model, request.model, server.identity):
        yield f"{request.model!r} answered, but {server.model!r} was requested"


def _check_request(request: LlmRequest) -> Iterator[str]:
    latency_s, ttft_s = request.total_latency_s, request.ttft_s
    if (request.failure is None) == (latency_s is None or ttft_s is None):
        yield "it must have either a failure or times"
        return
    if latency_s is None or ttft_s is None:
        return
    if request.status is not None and request.status // 100 != HTTP_OK // 100:
        yield f"it has times, but the HTTP status {request.status}"
    if request.finish_reason is not None and whole_reason(request.finish_reason) is None:
        yield f"it has times, but ended with finish_reason {request.finish_reason}"
    yield from _check_moments(request, ttft_s, latency_s)
    yield from _check_counts(request)
    if request.is_coalesced and (request.chunk_gaps or request.itl):
        yield "it has inter-token latencies, but arrived in bursts"
    yield from _check_rates(request, request.generation_time_s or 0.0)


def _check_moments(request: LlmRequest, ttft_s: float, latency_s: float) -> Iterator[str]:
    """Yield times that are not in chronological order."""
    if not 0 <= ttft_s <= latency_s + SLACK_S:
        yield "ttft_s isn't between 0 and total_latency_s"
    if not math.isclose(request.generation_time_s or 0.0, latency_s - ttft_s, abs_tol=SLACK_S):
        yield "generation_time_s isn't total_latency_s minus ttft_s"
    answered_s, ended_s = request.ttfat_s, request.stream_end_s
    if answered_s is not None and not ttft_s - SLACK_S <= answered_s <= latency_s + SLACK_S:
        yield "ttfat_s isn't between ttft_s and total_latency_s"
    if ended_s is not None and ended_s < latency_s - SLACK_S:
        yield "stream_end_s is before total_latency_s"


def _check_counts(request: LlmRequest) -> Iterator[str]:
    """Yield token counts that contradict the stream, unless the report says so."""
    if request.count_conflict or request.token_count_source not in ("usage", "timings"):
        return
    output, chunks = request.output_tokens or 0, request.chunks or 0
    streamed = output if request.streamed_tokens is None else request.streamed_tokens
    reasoning, chars = request.reasoning_tokens or 0, request.output_chars or 0
    if chunks > streamed + 1:
        yield f"{chunks} chunks with text were received, but only {streamed} tokens were counted"
    if reasoning > output:
        yield f"{reasoning} reasoning tokens are more than all {output} output tokens"
    hides = reasoning and not request.reasoning_chars and streamed == output
    if hides and are_too_many(streamed, chars, chunks):
        yield f"its rate includes {reasoning} reasoning tokens that were never received"
    if streamed > output:
        yield f"streamed_tokens is {streamed}, more than all {output} output tokens"


def _check_rates(request: LlmRequest, generation_s: float) -> Iterator[str]:
    """Yield rates and gaps that don't follow from token counts and generation time."""
    tokens, chunks = request.output_tokens or 0, request.chunks or 0
    if not _is_product(request.chars_per_sec, generation_s, chars_of(request)):
        yield "chars_per_sec isn't the characters over generation_time_s"
    if request.streamed_tokens is None:
        # Rates of older reports are of all tokens; their TPOT is of those after the first chunk.
        rated = float(tokens)
        later = tokens - tokens / chunks if chunks else 0.0
    else:
        tokens = request.streamed_tokens
        later = rated = tokens - (request.first_tokens or 0.0)
    if not _is_product(request.tokens_per_sec, generation_s, rated):
        yield "tokens_per_sec isn't its tokens over generation_time_s"
    if not _is_product(request.tpot_s, later, generation_s):
        yield "tpot_s isn't generation_time_s over the tokens after the first arrival"
    if request.count_conflict and request.tokens_per_sec is not None:
        yield "it has tokens_per_sec although its token count contradicts the stream"
    gaps, itl = request.chunk_gaps, request.itl
    if gaps and not (_is_ordered(gaps) and gaps.max_s <= generation_s + SLACK_S):
        yield "chunk_gaps aren't in ascending order, or exceed generation_time_s"
    longest_s = gaps.max_s * chunks if gaps else math.nan
    if itl and not (_is_ordered(itl) and _is_product(itl.max_s, tokens, longest_s)):
        yield "itl isn't in ascending order, or isn't chunk_gaps per token"


def _is_product(one: float | None, other: float, product: float) -> bool:
    return one is None or math.isclose(one * other, product, rel_tol=1e-6)


def _is_ordered(gaps: Percentiles) -> bool:
    return 0 <= gaps.median_s <= gaps.p95_s <= gaps.p99_s <= gaps.max_s
