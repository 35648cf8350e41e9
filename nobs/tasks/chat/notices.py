"""Warnings about the figures of a served model."""

from collections.abc import Iterator, Sequence
from itertools import chain
from statistics import median

from nobs.schema.server import ServerRef
from nobs.tasks.chat.aggregate import Runs, has_drifting_counts, is_estimated, values_of
from nobs.tasks.chat.client.repeats import REPEATED_TEXT
from nobs.tasks.chat.report import LlmRequest
from nobs.tasks.chat.server import locality_warnings
from nobs.units import format_rate, format_share

MAX_DOUBT = 0.01
"""Uncertainty of the median rate, as a share, above which there is a warning."""


def warnings_of(runs: Runs, server: ServerRef) -> Iterator[str]:
    """Yield all warnings about these figures."""
    whole = [request for request in chain(*runs) if request.failure is None]
    yield from locality_warnings(server)
    yield from _count_warnings(runs, whole)
    yield from _stream_warnings(whole)
    if cut := sum(request.finish_reason == "length" for request in whole):
        yield f"{cut} of {len(whole)} answers reached the limit of output tokens."
    if silent := sum(request.finish_reason is None for request in whole):
        yield (
            f"{silent} of {len(whole)} answers ended without a finish_reason: they may be"
            " incomplete."
        )
    if different := _varying_prompts(runs):
        names = ", ".join(map(str, different))
        yield f"Output lengths differ between repeats (prompts {names})."
    if repeated := sum(REPEATED_TEXT in request.unusable for request in whole):
        yield f"{repeated} of {len(whole)} answers repeat earlier text; only new text is counted."
    if unusable := {name for request in whole for name in request.unusable} - {REPEATED_TEXT}:
        names = ", ".join(sorted(unusable))
        yield f"The server sent invalid numbers, which were dropped: {names}."


def _count_warnings(runs: Runs, whole: Sequence[LlmRequest]) -> Iterator[str]:
    """Yield warnings about uncertain token counts."""
    if estimated := sum(map(is_estimated, whole)):
        yield (
            f"The tokens of {estimated} of {len(whole)} answers are estimated: the server sent no"
            " usable count."
        )
    conflicts = [request.count_conflict for request in whole if request.count_conflict]
    if conflicts:
        yield (
            f"The token counts of {len(conflicts)} of {len(whole)} answers contradict their streams"
            f" ({conflicts[0]}). {_range_of(whole)}"
        )
    elif has_drifting_counts(whole):
        yield (
            "The server's token counts don't fit the lengths of the answers: they may accumulate"
            f" over requests. {_range_of(whole)}"
        )
    elif (rates := _median_rates(runs)) and _doubt(*rates) > MAX_DOUBT:
        low, _, high = rates
        yield (
            f"Tokens/s are between {format_rate(low)} and {format_rate(high)}, so the median may be"
            f" off by {format_share(_doubt(*rates))}: the server doesn't report the number of"
            " tokens per chunk."
        )
    hidden = sum(
        (request.output_tokens or 0) > request.streamed_tokens + 1
        for request in whole
        if request.streamed_tokens is not None
    )
    if hidden and not conflicts:
        yield (
            f"{hidden} of {len(whole)} answers have tokens that were never sent (hidden"
            " reasoning); tokens/s count received tokens only."
        )


def _stream_warnings(whole: Sequence[LlmRequest]) -> Iterator[str]:
    """Yield warnings about uncertain arrival times."""
    if in_one := sum(request.arrivals == 1 or _is_old_single(request) for request in whole):
        yield f"{in_one} of {len(whole)} answers arrived in one piece and have no tokens/s."
    if coalesced := sum(r.is_coalesced and (r.arrivals or 0) > 1 for r in whole):
        yield (
            f"{coalesced} of {len(whole)} answers arrived in bursts of several chunks (a buffering"
            " proxy or a busy machine): no inter-token latency, and the real TTFT is shorter than"
            " reported."
        )


def _range_of(whole: Sequence[LlmRequest]) -> str:
    """Return the median rates that counts and streams allow, and that no rate is reported."""
    lows, highs = values_of(whole, "tokens_per_sec_least"), values_of(whole, "tokens_per_sec_most")
    if not lows or not highs:
        return "No tokens/s are reported."
    ends = f"{format_rate(median(lows))} and {format_rate(median(highs))}"
    return f"Tokens/s are between {ends}; none are reported."


def _median_rates(runs: Runs) -> tuple[float, float, float] | None:
    """Return the headline rate with the lowest and highest value that the streams allow."""
    bounds = [[b for request in run if (b := _bounds(request))] for run in runs]
    medians = [[median(values) for values in zip(*run, strict=True)] for run in bounds if run]
    if not medians:
        return None
    low, rate, high = (median(values) for values in zip(*medians, strict=True))
    return low, rate, high


def _bounds(request: LlmRequest) -> tuple[float, float, float] | None:
    """Return lowest, reported and highest rate; bursts and estimates have their own warnings."""
    rate, low, high = (
        request.tokens_per_sec,
        request.tokens_per_sec_least,
        request.tokens_per_sec_most,
    )
    if not rate:
        return None
    if low is None or high is None or request.is_coalesced or is_estimated(request):
        return rate, rate, rate
    return low, rate, high


def _doubt(low: float, rate: float, high: float) -> float:
    """Return how far the reported rate may be from the true one, as a share of the true one."""
    return max(1 - rate / high, rate / low - 1 if low > 0 else 1.0)


def _is_old_single(request: LlmRequest) -> bool:
    """Return whether an answer arrived in one chunk, for reports without `arrivals`."""
    return request.arrivals is None and request.tokens_per_sec is None


def _varying_prompts(runs: Runs) -> list[int]:
    lengths: dict[int, set[int | None]] = {}
    for request in chain(*runs):
        if request.failure is None:
            lengths.setdefault(request.prompt, set()).add(request.output_tokens)
    return sorted(prompt for prompt, found in lengths.items() if len(found) > 1)
