"""From the requests of a step to the figures of its model; pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from operator import attrgetter
from statistics import median
from typing import Any

from nobs.schema.report import Interval
from nobs.schema.server import Locality, ServerRef
from nobs.stats import interval_of_repeats
from nobs.tasks.llms.client.record import ChatRecord, TokenCountSource
from nobs.tasks.llms.failures import SHORT
from nobs.tasks.llms.report import LlmRequest, LlmRun

type Runs = Sequence[Sequence[LlmRequest]]

MAX_FAILED_SHARE = 0.1
"""A run with more failed requests than this has failed."""
_LOCALITIES = {
    Locality.REMOTE: "The server is another machine: these figures are its, not this host's.",
    Locality.UNKNOWN: "Nobody knows whether the server computes on this host: no score.",
}


def request_of(record: ChatRecord, prompt: int, min_output_tokens: int) -> LlmRequest:
    """Return what the result keeps of `record`; of a failed or short answer, nothing timed."""
    figures = record.figures
    if figures is None:
        return LlmRequest(
            prompt=prompt, failure=record.failure, error=record.error, status=record.status
        )
    if figures.output_tokens < min_output_tokens:
        error = f"an answer of {figures.output_tokens} tokens, {min_output_tokens} are needed"
        return LlmRequest(prompt=prompt, failure=SHORT, error=error, status=record.status)
    return LlmRequest(prompt=prompt, status=record.status, **asdict(figures))


def figures_of(runs: Runs) -> dict[str, Any]:
    """Return the figures of `LlmModelReport` that follow from the requests of all repeats."""
    latencies = medians_of(runs, "total_latency_s")
    ttfts = medians_of(runs, "ttft_s")
    rates = medians_of(runs, "tokens_per_sec")
    whole = [request for request in chain(*runs) if request.failure is None]
    return {
        "final_median_latency_s": _median(latencies),
        "final_median_ttft_s": _median(ttfts),
        "final_median_tokens_per_sec": _median(rates),
        "final_median_prefill_tokens_per_sec": _median(medians_of(runs, "prefill_tokens_per_sec")),
        "final_median_decode_tokens_per_sec": _median(medians_of(runs, "decode_tokens_per_sec")),
        "latency_interval": _interval(latencies),
        "ttft_interval": _interval(ttfts),
        "tokens_per_sec_interval": _interval(rates),
        "total_input_tokens": _total(whole, "input_tokens"),
        "total_output_tokens": _total(whole, "output_tokens"),
        "total_reasoning_tokens": _total(whole, "reasoning_tokens"),
        "requests": sum(map(len, runs)),
        "failures": _count(chain(*runs), "failure"),
        "finish_reasons": _count(whole, "finish_reason"),
        "token_count_sources": _count(whole, "token_count_source"),
        "all_runs": [run_of(requests) for requests in runs],
    }


def run_of(requests: Sequence[LlmRequest]) -> LlmRun:
    """Return one repeat with its medians over the whole answers."""
    whole = [request for request in requests if request.failure is None]
    return LlmRun(
        median_latency_s=_median(_values(whole, "total_latency_s")),
        median_ttft_s=_median(_values(whole, "ttft_s")),
        median_tokens_per_sec=_median(_values(whole, "tokens_per_sec")),
        total_input_tokens=_total(whole, "input_tokens"),
        total_output_tokens=_total(whole, "output_tokens") or 0,
        failed=len(requests) - len(whole),
        prompts=tuple(requests),
    )


def medians_of(runs: Runs, name: str) -> list[float]:
    """Return the median over prompts of each repeat that has one."""
    medians = (_median(_values(requests, name)) for requests in runs)
    return [value for value in medians if value is not None]


def has_too_many_failures(runs: Runs) -> bool:
    """Tell whether more than a tenth of all requests failed."""
    requests = list(chain(*runs))
    failed = sum(request.failure is not None for request in requests)
    return failed > MAX_FAILED_SHARE * len(requests)


def warnings_of(runs: Runs, server: ServerRef) -> Iterator[str]:
    """Yield what readers should know of these figures."""
    whole = [request for request in chain(*runs) if request.failure is None]
    if server.locality in _LOCALITIES:
        yield _LOCALITIES[server.locality]
    if estimated := sum(map(_is_estimated, whole)):
        yield f"The tokens of {estimated} of {len(whole)} answers are estimated: no usage came."
    if cut := sum(request.finish_reason == "length" for request in whole):
        yield f"{cut} of {len(whole)} answers ended at the limit of output tokens."
    if cached := sum(map(_is_cached, whole)):
        yield f"The server had {cached} of {len(whole)} prompts in its cache, for the most part."
    if in_one := sum(request.tokens_per_sec is None for request in whole):
        yield f"{in_one} of {len(whole)} answers came in one piece and have no rate."
    if different := _varying_prompts(runs):
        names = ", ".join(map(str, different))
        yield f"Answers differ in length between repeats (prompts {names})."


def _is_cached(request: LlmRequest) -> bool:
    """Tell whether more of the prompt was cached than not; all share the template's first words."""
    timings = request.server_timings
    return timings.get("cache_n", 0) > timings.get("prompt_n", 0)


def _is_estimated(request: LlmRequest) -> bool:
    source = request.token_count_source
    return source is not None and TokenCountSource(source).is_estimate


def _varying_prompts(runs: Runs) -> list[int]:
    lengths: dict[int, set[int | None]] = {}
    for request in chain(*runs):
        if request.failure is None:
            lengths.setdefault(request.prompt, set()).add(request.output_tokens)
    return sorted(prompt for prompt, found in lengths.items() if len(found) > 1)


def _values(requests: Iterable[LlmRequest], name: str) -> list[float]:
    values = map(attrgetter(name), requests)
    return [value for value in values if value is not None]


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _interval(values: Sequence[float]) -> Interval | None:
    """Return the interval of the median; a single repeat has none."""
    return Interval(**asdict(interval_of_repeats(values))) if len(values) > 1 else None


def _total(requests: Sequence[LlmRequest], name: str) -> int | None:
    """Return the sum, None where the server didn't tell every part of it."""
    values = list(map(attrgetter(name), requests))
    return None if not values or None in values else sum(values)


def _count(requests: Iterable[LlmRequest], name: str) -> dict[str, int]:
    found = Counter(map(attrgetter(name), requests))
    return {str(value): count for value, count in sorted(found.items(), key=str) if value}
