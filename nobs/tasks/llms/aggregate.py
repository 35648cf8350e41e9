"""From the requests of a step to the figures of its model; pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import chain
from operator import attrgetter
from statistics import median
from typing import Any

from nobs.schema.report import Interval
from nobs.tasks.llms.client.record import ChatRecord, TokenCountSource
from nobs.tasks.llms.failures import SHORT
from nobs.tasks.llms.report import LlmRequest, LlmRun

type Runs = Sequence[Sequence[LlmRequest]]

MAX_FAILED_SHARE = 0.1
"""A run with more failed requests than this has failed."""
MIN_CHUNKS = 8
"""Chunks of an answer as of which its tokens per chunk mean something."""
CHARS_AT_MOST = 16
"""Characters of a chunk that may be a single token."""
MAX_DRIFT = 2.5
"""Tokens per chunk and per character differ by less between the answers of one model."""


def request_of(record: ChatRecord, prompt: int, min_output_tokens: int) -> LlmRequest:
    """Return what the result keeps of `record`; of a failed or short answer, nothing timed."""
    figures = record.figures
    if figures is None:
        return LlmRequest(
            prompt=prompt, failure=record.failure, error=record.error, status=record.status
        )
    # A server may count too few; each chunk is one at least.
    tokens = max(figures.output_tokens, figures.chunks)
    if figures.token_count_source is TokenCountSource.CHUNKS:
        tokens = max(tokens, (figures.output_chars + figures.reasoning_chars) // CHARS_AT_MOST)
    if tokens < min_output_tokens:
        error = f"an answer of {tokens} tokens, {min_output_tokens} are needed"
        return LlmRequest(prompt=prompt, failure=SHORT, error=error, status=record.status)
    return LlmRequest(prompt=prompt, status=record.status, **asdict(figures))


def figures_of(runs: Runs) -> dict[str, Any]:
    """Return the figures of `LlmModelReport` that follow from the requests of all repeats."""
    whole = [request for request in chain(*runs) if request.failure is None]
    has_rates = not is_rate_withheld(whole)
    rated = runs if has_rates else ()
    latencies = medians_of(runs, "total_latency_s")
    ttfts = medians_of(runs, "ttft_s")
    rates = medians_of(rated, "tokens_per_sec")
    return {
        "final_median_latency_s": _median(latencies),
        "final_median_ttft_s": _median(ttfts),
        "final_median_tokens_per_sec": _median(rates),
        "final_median_prefill_tokens_per_sec": _median(medians_of(rated, "prefill_tokens_per_sec")),
        "final_median_decode_tokens_per_sec": _median(medians_of(rated, "decode_tokens_per_sec")),
        "final_median_tokens_per_sec_least": _median(medians_of(runs, "tokens_per_sec_least")),
        "final_median_tokens_per_sec_most": _median(medians_of(runs, "tokens_per_sec_most")),
        "latency_interval": Interval.of_repeats(latencies),
        "ttft_interval": Interval.of_repeats(ttfts),
        "tokens_per_sec_interval": Interval.of_repeats(rates),
        "total_input_tokens": _total(whole, "input_tokens"),
        "total_output_tokens": _total(whole, "counted_tokens"),
        "total_reasoning_tokens": _total(whole, "reasoning_tokens"),
        "total_streamed_tokens": _total(whole, "streamed_tokens"),
        "requests": sum(map(len, runs)),
        "failures": _count(chain(*runs), "failure"),
        "finish_reasons": _count(whole, "finish_reason"),
        "token_count_sources": _count(whole, "token_count_source"),
        "answered_models": _count(whole, "model"),
        "coalesced": sum(request.is_coalesced for request in whole),
        "unreconciled": unreconciled_of(whole),
        "all_runs": [run_of(requests, has_rates=has_rates) for requests in runs],
    }


def run_of(requests: Sequence[LlmRequest], *, has_rates: bool = True) -> LlmRun:
    """Return one repeat with its medians over the whole answers."""
    whole = [request for request in requests if request.failure is None]
    return LlmRun(
        median_latency_s=_median(values_of(whole, "total_latency_s")),
        median_ttft_s=_median(values_of(whole, "ttft_s")),
        median_tokens_per_sec=_median(values_of(whole, "tokens_per_sec")) if has_rates else None,
        total_input_tokens=_total(whole, "input_tokens"),
        total_output_tokens=_total(whole, "counted_tokens") or 0,
        failed=len(requests) - len(whole),
        prompts=tuple(requests),
    )


def unreconciled_of(whole: Sequence[LlmRequest]) -> int:
    """Return the answers whose counts can't be those of their streams; all where counts drift."""
    if has_drifting_counts(whole):
        return len(whole)
    return sum(bool(request.count_conflict) for request in whole)


def is_rate_withheld(whole: Sequence[LlmRequest]) -> bool:
    """Tell whether too many answers have counts that can't be those of their streams."""
    return unreconciled_of(whole) > MAX_FAILED_SHARE * len(whole)


def has_drifting_counts(whole: Sequence[LlmRequest]) -> bool:
    """Tell whether tokens are counted so unequally that they can't be those of single answers.

    A count that runs on over all requests makes each later answer seem to have more tokens for its
    chunks and its text. Either alone may differ: prompts of other languages, guessed tokens.
    """
    counted = [
        (request.streamed_tokens, request.chunks, chars)
        for request in whole
        if request.streamed_tokens and not is_estimated(request) and request.chunks
        and request.chunks >= MIN_CHUNKS and (chars := chars_of(request))
    ]  # fmt: skip
    by_chunk = [tokens / chunks for tokens, chunks, _ in counted]
    by_text = [tokens / chars for tokens, _, chars in counted]
    return bool(counted) and min(
        max(by_chunk) / min(by_chunk), max(by_text) / min(by_text)
    ) > MAX_DRIFT  # fmt: skip


def medians_of(runs: Runs, name: str) -> list[float]:
    """Return the median over prompts of each repeat that has one."""
    medians = (_median(values_of(requests, name)) for requests in runs)
    return [value for value in medians if value is not None]


def has_too_many_failures(runs: Runs) -> bool:
    """Tell whether more than a tenth of all requests failed."""
    requests = list(chain(*runs))
    failed = sum(request.failure is not None for request in requests)
    return failed > MAX_FAILED_SHARE * len(requests)


def values_of(requests: Iterable[LlmRequest], name: str) -> list[float]:
    """Return the values of one field, without those that are None."""
    values = map(attrgetter(name), requests)
    return [value for value in values if value is not None]


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _total(requests: Sequence[LlmRequest], name: str) -> int | None:
    """Return the sum, None where the server didn't tell every part of it."""
    values = list(map(attrgetter(name), requests))
    return None if not values or None in values else sum(values)


def _count(requests: Iterable[LlmRequest], name: str) -> dict[str, int]:
    found = Counter(map(attrgetter(name), requests))
    return {str(value): count for value, count in sorted(found.items(), key=str) if value}


def is_estimated(request: LlmRequest) -> bool:
    """Tell whether the server didn't count the tokens of an answer itself."""
    source = request.token_count_source
    return source is not None and TokenCountSource(source).is_estimate


def chars_of(request: LlmRequest) -> int:
    """Return the characters of answer and reasoning."""
    return (request.output_chars or 0) + (request.reasoning_chars or 0)
