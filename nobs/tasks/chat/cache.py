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


def cache_warnings(requests: Iterable[LlmRequest], template_tokens: int | None) -> Iterator[str]:
    """Yield how many prompts of complete answers were cached, if any were."""
    whole = [request for request in requests if request.failure is None]
    if found := describe_cached(whole, template_tokens):
        yield f"{found}."


def cache_reasons(model: ChatModelReport) -> Iterator[str]:
    """Yield why the result is open: a server that had prompts cached computed less."""
    requests = chain.from_iterable(run.prompts for run in model.all_runs)
    whole = [request for request in requests if request.failure is None]
    if found := describe_cached(whole, model.template_tokens):
        yield f"cache: {found}"
    else:
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


def describe_cached(whole: Sequence[LlmRequest], template_tokens: int | None) -> str:
    """Return how many prompts of complete answers were cached, and what was allowed; or nothing."""
    cached = [r.cached_input_tokens for r in whole if is_cached(r, template_tokens)]
    if not cached:
        return ""
    if template_tokens is None:
        allowed = f"{format_share(MOSTLY, 0)} of the prompt"
    else:
        allowed = f"the template's {template_tokens} and {format_share(MAX_CACHED_SHARE, 0)}"
    return (
        f"{len(cached)} of {len(whole)} prompts were in the server's prompt cache, up to"
        f" {max(cached)} tokens (allowed: {allowed})"
    )
