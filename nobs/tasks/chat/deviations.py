"""Where a server refused or ignored parameters of the request."""

from collections.abc import Iterator
from itertools import chain

from nobs.tasks.chat.client.finish import whole_reason
from nobs.tasks.chat.client.record import TokenCountSource
from nobs.tasks.chat.report import ChatModelReport, LlmRequest

END_TOKENS = 1
"""Some servers count the end token, which limits don't cover."""


def open_reasons_of(model: ChatModelReport) -> Iterator[str]:
    """Yield deviations that make the result open: parameters not sent or not respected."""
    if model.server is not None:
        yield from model.server.request.open_reasons
    yield from (f"max_output_tokens: {fault}" for fault in _faults_of(model))


def deviations_of(model: ChatModelReport) -> Iterator[str]:
    """Yield warnings about parameters that the server refused or didn't respect."""
    for clause in model.server.request.deviations if model.server else ():
        yield f"{clause[0].upper()}{clause[1:]}."
    yield from (f"The server didn't respect max_output_tokens: {f}." for f in _faults_of(model))


def _faults_of(model: ChatModelReport) -> Iterator[str]:
    limit = model.max_output_tokens
    requests = list(chain(*(run.prompts for run in model.all_runs)))
    if limit is None:
        return
    for is_fault, what in (
        (_is_longer, f"have more than {limit} tokens"),
        (_is_cut_before, f"ended at a limit below {limit} tokens"),
    ):
        count = sum(request.failure is None and is_fault(request, limit) for request in requests)
        if count:
            yield f"{count} of {len(requests)} answers {what}"


def _is_longer(request: LlmRequest, limit: int) -> bool:
    """Return whether an answer has more tokens than requested; a chunk holds at least one."""
    if request.count_conflict and request.token_count_source == TokenCountSource.CHUNKS:
        return False  # chunks may be smaller than tokens
    tokens = request.chunks if request.token_count_source == TokenCountSource.TEXT else None
    return (tokens or request.counted_tokens or 0) > limit + END_TOKENS


def _is_cut_before(request: LlmRequest, limit: int) -> bool:
    """Return whether the server truncated an answer below the requested limit.

    Usage of some servers excludes reasoning, so answers with reasoning are skipped.
    """
    is_counted = request.token_count_source in {TokenCountSource.USAGE, TokenCountSource.TIMINGS}
    return (
        whole_reason(request.finish_reason) == "length"
        and is_counted
        and not (request.reasoning_chars or request.count_conflict)
        and max(request.output_tokens or 0, request.chunks or 0) < limit - END_TOKENS
    )
