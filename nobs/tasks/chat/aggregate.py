"""From the requests of a step to the figures of its model; pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import chain
from operator import attrgetter
from typing import Any

from nobs.schema.report import Interval
from nobs.stats import median_of
from nobs.tasks.chat.client.record import ChatRecord, Figures, Percentiles, TokenCountSource
from nobs.tasks.chat.failures import SHORT
from nobs.tasks.chat.report import LlmRequest, LlmRun

type Runs = Sequence[Sequence[LlmRequest]]

MAX_FAILED_SHARE = 0.1
"""A run with more failed requests than this has failed."""
MIN_CHUNKS = 8
"""Minimum chunks of an answer for a meaningful number of tokens per chunk."""
CHARS_AT_MOST = 16
"""Maximum characters of a single token."""
MAX_DRIFT = 2.5
"""Maximum ratio of tokens per chunk, and per character, between answers of one model."""


def request_of(record: ChatRecord, prompt: int, min_output_tokens: int) -> LlmRequest:
    """Return the result's part of `record`; failed and short answers have no times."""
    figures = record.figures
    if figures is None:
        return LlmRequest(
            prompt=prompt, failure=record.failure, error=record.error, status=record.status
        )
    # A server may undercount; each chunk holds at least one token.
    tokens = max(figures.output_tokens, figures.chunks)
    if figures.token_count_source is TokenCountSource.CHUNKS:
        tokens = max(tokens, (figures.output_chars + figures.reasoning_chars) // CHARS_AT_MOST)
    if tokens < min_output_tokens:
        error = f"the answer has {tokens} tokens, but at least {min_output_tokens} are needed"
        return LlmRequest(prompt=prompt, failure=SHORT, error=error, status=record.status)
    return LlmRequest(prompt=prompt, status=record.status, **asdict(figures))


def figures_of(runs: Runs, run_type: type[LlmRun] = LlmRun) -> dict[str, Any]:
    """Return the figures of `ChatModelReport` that follow from the requests of all repeats."""
    whole = [request for request in chain(*runs) if request.failure is None]
    has_rates = not is_rate_withheld(whole)
    rated = runs if has_rates else ()
    latencies = medians_of(runs, "total_latency_s")
    ttfts = medians_of(runs, "ttft_s")
    rates = medians_of(rated, "tokens_per_sec")
    return {
        "final_median_latency_s": median_of(latencies),
        "final_median_ttft_s": median_of(ttfts),
        "final_median_tokens_per_sec": median_of(rates),
        "final_median_prefill_tokens_per_sec": median_of(
            medians_of(rated, "prefill_tokens_per_sec")
        ),
        "final_median_decode_tokens_per_sec": median_of(medians_of(rated, "decode_tokens_per_sec")),
        "final_median_tokens_per_sec_least": median_of(medians_of(runs, "tokens_per_sec_least")),
        "final_median_tokens_per_sec_most": median_of(medians_of(runs, "tokens_per_sec_most")),
        "latency_interval": Interval.of_repeats(latencies),
        "ttft_interval": Interval.of_repeats(ttfts),
        "tokens_per_sec_interval": Interval.of_repeats(rates),
        "total_input_tokens": total_of(whole, "input_tokens"),
        "total_output_tokens": total_of(whole, "counted_tokens"),
        "total_reasoning_tokens": total_of(whole, "reasoning_tokens"),
        "total_streamed_tokens": total_of(whole, "streamed_tokens"),
        "requests": sum(map(len, runs)),
        "failures": _count(chain(*runs), "failure"),
        "finish_reasons": _count(whole, "finish_reason"),
        "token_count_sources": _count(whole, "token_count_source"),
        "answered_models": _count(whole, "model"),
        "coalesced": sum(request.is_coalesced for request in whole),
        "unreconciled": unreconciled_of(whole),
        "all_runs": [run_of(requests, run_type, has_rates=has_rates) for requests in runs],
    }


def run_of(
    requests: Sequence[LlmRequest], run_type: type[LlmRun] = LlmRun, *, has_rates: bool = True
) -> LlmRun:
    """Return one repeat with its medians over the complete answers."""
    whole = [request for request in requests if request.failure is None]
    return run_type(
        median_latency_s=median_of(values_of(whole, "total_latency_s")),
        median_ttft_s=median_of(values_of(whole, "ttft_s")),
        median_tokens_per_sec=median_of(values_of(whole, "tokens_per_sec")) if has_rates else None,
        total_input_tokens=total_of(whole, "input_tokens"),
        total_output_tokens=total_of(whole, "counted_tokens") or 0,
        failed=len(requests) - len(whole),
        prompts=tuple(requests),
    )


def unreconciled_of(whole: Sequence[LlmRequest]) -> int:
    """Return the number of answers whose counts contradict their streams; all if counts drift."""
    if has_drifting_counts(whole):
        return len(whole)
    return sum(bool(request.count_conflict) for request in whole)


def is_rate_withheld(whole: Sequence[LlmRequest]) -> bool:
    """Return whether the counts of too many answers contradict their streams."""
    return unreconciled_of(whole) > MAX_FAILED_SHARE * len(whole)


def has_drifting_counts(whole: Sequence[LlmRequest]) -> bool:
    """Return whether token counts seem to accumulate over requests.

    Then later answers have more tokens both per chunk and per character. Either ratio alone may
    vary: prompts in other languages, speculative decoding.
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
    medians = (median_of(values_of(requests, name)) for requests in runs)
    return [value for value in medians if value is not None]


def has_too_many_failures(runs: Runs) -> bool:
    """Return whether more than a tenth of all requests failed."""
    requests = list(chain(*runs))
    failed = sum(request.failure is not None for request in requests)
    return failed > MAX_FAILED_SHARE * len(requests)


def values_of(requests: Iterable[LlmRequest], name: str) -> list[float]:
    """Return the values of one field, without those that are None."""
    values = map(attrgetter(name), requests)
    return [value for value in values if value is not None]


def total_of(answers: Iterable[LlmRequest | Figures], name: str) -> int | None:
    """Return the sum, None if the server didn't report every part of it."""
    values = list(map(attrgetter(name), answers))
    return None if not values or None in values else sum(values)


def _count(requests: Iterable[LlmRequest], name: str) -> dict[str, int]:
    found = Counter(map(attrgetter(name), requests))
    return {str(value): count for value, count in sorted(found.items(), key=str) if value}


def is_estimated(request: LlmRequest) -> bool:
    """Return whether the token count is an estimate, not the server's."""
    source = request.token_count_source
    return source is not None and TokenCountSource(source).is_estimate


def chars_of(request: LlmRequest) -> int:
    """Return the characters of answer and reasoning."""
    return (request.output_chars or 0) + (request.reasoning_chars or 0)


def pool_gaps(records: Sequence[ChatRecord]) -> tuple[Percentiles | None, Percentiles | None]:
    """Return chunk gaps and ITL of all complete answers together.

    None if too many answers arrived in bursts: the others would be a biased selection.
    """
    whole = [record.figures for record in records if record.figures]
    if sum(figures.is_coalesced for figures in whole) > MAX_FAILED_SHARE * len(whole):
        return None, None
    gaps_s, token_gaps_s = gaps_of(records)
    return Percentiles.of(gaps_s), Percentiles.of(token_gaps_s)


def gaps_of(records: Sequence[ChatRecord]) -> tuple[list[float], list[float]]:
    """Return the times between chunks and tokens of the answers that didn't arrive in bursts.

    Answers with unknown token counts have no times between tokens.
    """
    gaps_s: list[float] = []
    token_gaps_s: list[float] = []
    for record in records:
        figures, stamps = record.figures, record.stamps
        if figures is None or stamps is None or figures.is_coalesced:
            continue
        found = stamps.gaps_s()
        gaps_s += found
        if not figures.count_conflict:
            per_chunk = figures.streamed_tokens / figures.chunks
            token_gaps_s += [gap_s / per_chunk for gap_s in found]
    return gaps_s, token_gaps_s
