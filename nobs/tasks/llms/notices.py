"""What readers should know of the figures of a served model, as sentences; pure."""

from collections.abc import Iterator, Sequence
from itertools import chain
from statistics import median

from nobs.schema.server import Locality, ServerRef
from nobs.tasks.llms.aggregate import Runs, has_drifting_counts, is_estimated, values_of
from nobs.tasks.llms.client.repeats import REPEATED_TEXT
from nobs.tasks.llms.report import LlmRequest
from nobs.units import format_rate, format_share

MAX_DOUBT = 0.01
"""Share of a rate; readers are told where it isn't known as well as that."""
_LOCALITIES = {
    Locality.REMOTE: "The model computes on another machine: no score for this host.",
    Locality.UNKNOWN: "Nobody knows whether the model computes on this host: no score.",
}


def warnings_of(runs: Runs, server: ServerRef) -> Iterator[str]:
    """Yield what readers should know of these figures."""
    whole = [request for request in chain(*runs) if request.failure is None]
    if server.locality in _LOCALITIES:
        yield " ".join(filter(None, (_LOCALITIES[server.locality], server.locality_reason)))
    yield from _count_warnings(whole)
    yield from _stream_warnings(whole)
    if cut := sum(request.finish_reason == "length" for request in whole):
        yield f"{cut} of {len(whole)} answers ended at the limit of output tokens."
    if silent := sum(request.finish_reason is None for request in whole):
        yield (
            f"{silent} of {len(whole)} answers ended without a finish_reason; the server doesn't"
            " say whether they are whole."
        )
    if cached := sum(map(_is_cached, whole)):
        yield f"The server had {cached} of {len(whole)} prompts in its cache, for the most part."
    if different := _varying_prompts(runs):
        names = ", ".join(map(str, different))
        yield f"Answers differ in length between repeats (prompts {names})."
    if repeated := sum(REPEATED_TEXT in request.unusable for request in whole):
        yield (
            f"{repeated} of {len(whole)} answers repeat text that came before; only what is new"
            " counts."
        )
    if unusable := {name for request in whole for name in request.unusable} - {REPEATED_TEXT}:
        names = ", ".join(sorted(unusable))
        yield f"The server sent values that are no usable numbers; they were dropped: {names}."


def _count_warnings(whole: Sequence[LlmRequest]) -> Iterator[str]:
    """Yield what makes a rate of tokens uncertain."""
    if estimated := sum(map(is_estimated, whole)):
        yield (
            f"The tokens of {estimated} of {len(whole)} answers are estimated: no usable count of"
            " them came."
        )
    conflicts = [request.count_conflict for request in whole if request.count_conflict]
    if conflicts:
        yield (
            f"The counted tokens of {len(conflicts)} of {len(whole)} answers can't be those of the"
            f" stream ({conflicts[0]}). {_range_of(whole)}"
        )
    elif has_drifting_counts(whole):
        yield (
            "The server's token counts don't fit the lengths of the answers: they may run on from"
            f" one request to the next. {_range_of(whole)}"
        )
    elif doubtful := [request for request in whole if _doubt(request) > MAX_DOUBT]:
        yield (
            f"The tokens/s of {len(doubtful)} of {len(whole)} answers may lie anywhere between"
            f" {_ends_of(doubtful)}, up to {format_share(max(map(_doubt, doubtful)))} from what is"
            " reported: the server doesn't say how many tokens each chunk has."
        )
    hidden = sum(
        (request.output_tokens or 0) > request.streamed_tokens + 1
        for request in whole
        if request.streamed_tokens is not None
    )
    if hidden and not conflicts:
        yield (
            f"{hidden} of {len(whole)} answers have tokens that never came (hidden reasoning);"
            " tokens/s are those of the tokens that came."
        )


def _stream_warnings(whole: Sequence[LlmRequest]) -> Iterator[str]:
    """Yield what makes the times between tokens uncertain."""
    if in_one := sum(request.arrivals == 1 or _is_old_single(request) for request in whole):
        yield f"{in_one} of {len(whole)} answers came in one piece and have no rate."
    if coalesced := sum(r.is_coalesced and (r.arrivals or 0) > 1 for r in whole):
        yield (
            f"{coalesced} of {len(whole)} answers came in lumps of several chunks (a proxy that"
            " buffers, or a busy machine): no inter-token latency, and the first token was made"
            " earlier than TTFT says."
        )


def _range_of(whole: Sequence[LlmRequest]) -> str:
    """Return between which rates the truth lies, and that none of them is reported."""
    ends = _ends_of(whole)
    return (
        f"Tokens/s lie between {ends}; none are reported." if ends else "No tokens/s are reported."
    )


def _ends_of(whole: Sequence[LlmRequest]) -> str:
    """Return the least and the greatest rate that counts and streams allow, empty without any."""
    lows, highs = values_of(whole, "tokens_per_sec_least"), values_of(whole, "tokens_per_sec_most")
    return f"{format_rate(median(lows))} and {format_rate(median(highs))}" if lows and highs else ""


def _doubt(request: LlmRequest) -> float:
    """Return how far the true rate may lie from the reported one, as a share of it."""
    rate, low, high = (
        request.tokens_per_sec,
        request.tokens_per_sec_least,
        request.tokens_per_sec_most,
    )
    if not rate or low is None or high is None or request.is_coalesced or is_estimated(request):
        return 0.0
    return max(high / rate - 1, 1 - low / rate)


def _is_old_single(request: LlmRequest) -> bool:
    """Tell whether an answer of a report without arrivals came in one chunk."""
    return request.arrivals is None and request.tokens_per_sec is None


def _is_cached(request: LlmRequest) -> bool:
    """Tell whether more of the prompt was cached than not; all share the template's first words."""
    timings = request.server_timings
    if timings.get("cache_n", 0) > timings.get("prompt_n", 0):
        return True
    return 2 * (request.cached_tokens or 0) > (request.input_tokens or 0)


def _varying_prompts(runs: Runs) -> list[int]:
    lengths: dict[int, set[int | None]] = {}
    for request in chain(*runs):
        if request.failure is None:
            lengths.setdefault(request.prompt, set()).add(request.output_tokens)
    return sorted(prompt for prompt, found in lengths.items() if len(found) > 1)
