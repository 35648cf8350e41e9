"""Proof that no prompt cache answered: cached input tokens, as far as the server reports them."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from nobs.tasks.chat.report import ChatModelReport, LlmRequest
from nobs.tasks.chat.server_checks import sent_of
from nobs.units import format_share

MAX_CACHED_SHARE = 0.05
"""Of the prompt, in addition to the chat template's own tokens, which all prompts share."""
MOSTLY = 0.5
"""Of the prompt, where the template's own tokens are unknown."""


def is_cached(request: LlmRequest, template_tokens: int | None) -> bool:
    """Return whether more of the prompt was cached than the chat template's own tokens."""
    timings = request.server_timings
    read = timings.get("cache_n", 0) + timings.get("prompt_n", 0)
    share = MOSTLY if template_tokens is None else MAX_CACHED_SHARE
    most = (template_tokens or 0) + share * max(request.input_tokens or 0, read)
    return request.cached_input_tokens > most


def cached_of(whole: Sequence[LlmRequest], template_tokens: int | None) -> list[LlmRequest]:
    """Return the requests of complete answers whose prompts were cached."""
    return [request for request in whole if is_cached(request, template_tokens)]


def cache_warnings(requests: Iterable[LlmRequest], template_tokens: int | None) -> Iterator[str]:
    """Yield how many prompts of complete answers were cached, if any were."""
    whole = [request for request in requests if request.failure is None]
    if found := cached_of(whole, template_tokens):
        most = max(request.cached_input_tokens for request in found)
        yield f"{describe(len(found), len(whole), most, template_tokens)}."


def cache_reasons(model: ChatModelReport) -> Iterator[str]:
    """Yield why the result is open: a server that had prompts cached computed less."""
    requests = chain.from_iterable(run.prompts for run in model.all_runs)
    whole = [request for request in requests if request.failure is None]
    if found := cached_of(whole, model.template_tokens):
        most = max(request.cached_input_tokens for request in found)
        yield f"cache: {describe(len(found), len(whole), most, model.template_tokens)}"
        return
    yield from _server_reasons(model)


def _server_reasons(model: ChatModelReport) -> Iterator[str]:
    """Yield that the server's own figures show cached prompts, if nobody else used it."""
    template, share = model.template_tokens, MAX_CACHED_SHARE
    if template is None:
        template, share = 0, MOSTLY
    for sent in sent_of(model):
        cached, prompts = sent.server.cached_tokens or 0, model.total_input_tokens
        if not sent.is_repeats or prompts is None or sent.find_others():
            continue
        if cached > template * sent.requests + share * prompts:
            yield (
                f"cache: the server's /metrics count {cached} of {prompts} input tokens as cached"
            )


def describe(cached: int, whole: int, most: int, template_tokens: int | None) -> str:
    """Return how many prompts were cached, and what was allowed."""
    if template_tokens is None:
        allowed = f"{format_share(MOSTLY, 0)} of the prompt"
    else:
        allowed = f"the template's {template_tokens} and {format_share(MAX_CACHED_SHARE, 0)}"
    return (
        f"{cached} of {whole} prompts were in the server's prompt cache, up to {most} tokens"
        f" (allowed: {allowed})"
    )
