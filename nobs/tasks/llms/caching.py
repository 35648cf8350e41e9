"""Figures by turn: TTFT with the server's prompt cache and without it."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from nobs.schema.pins import Params
from nobs.schema.report import Interval
from nobs.stats import median_of
from nobs.tasks.base import with_warnings
from nobs.tasks.charts import Point
from nobs.tasks.chat.aggregate import figures_of
from nobs.tasks.chat.cache import MOSTLY
from nobs.tasks.chat.report import LlmRequest
from nobs.tasks.figures import ci_cell, ci_heading
from nobs.tasks.llms.params import CacheParams
from nobs.tasks.llms.prose import OTHER
from nobs.tasks.llms.report import CacheTable, CacheTurn, LlmModelReport
from nobs.units import format_seconds, time_or_dash

MIN_REUSED = 0.5
"""Share of the prompt of the turn before, of which the server must have cached so much."""
MIN_TURNS = 0.5
"""Share of the turns that must show a cache."""
MAX_TURNS = 100
NO_SIGN = (
    "The server shows no sign of a prompt cache: it reports no cached tokens, and the turns of a"
    " conversation begin no sooner than the same texts uncached."
)
_ROW = "  {:>6}{:>8}{:>9}{:>11}{:>21}{:>11}{:>12}"
_SIGNS = {
    "tokens": "the server reports cached tokens",
    "metrics": "the server's /metrics count cached tokens",
    "times": "the server reports no cached tokens, but turns of a conversation begin sooner",
}


def with_cache(model: LlmModelReport, plan: CacheTable) -> LlmModelReport:
    """Return `model` with the figures by turn; its medians are those of what can be cached."""
    turns = tuple(_measured(turn, [run.prompts for run in model.all_runs]) for turn in plan.turns)
    numbers = {turn.number for turn in turns[1:]}
    cached = [[each for each in run.prompts if each.prompt in numbers] for run in model.all_runs]
    figures = figures_of(cached)
    runs = tuple(
        run.model_copy(update={n: getattr(of, n) for n in ("median_latency_s", "median_ttft_s")})
        for run, of in zip(model.all_runs, figures["all_runs"], strict=True)
    )
    kept = ("final_median_latency_s", "final_median_ttft_s", "latency_interval", "ttft_interval")
    evidence = _evidence(model, turns)
    model = model if evidence else with_warnings(model, [NO_SIGN])
    return model.model_copy(
        update={
            **{name: figures[name] for name in kept},
            # Without counts of cached tokens it would be of tokens that nobody read.
            "final_median_prefill_tokens_per_sec": None,
            "cache": CacheTable(turns=turns, evidence=evidence),
            "all_runs": runs,
        }
    )


def _measured(turn: CacheTurn, runs: Sequence[Sequence[LlmRequest]]) -> CacheTurn:
    cached = [_find(run, turn.number) for run in runs]
    uncached = [_find(run, turn.uncached_number) for run in runs]
    whole = [each for each in cached if each is not None]
    ttfts = [each.ttft_s for each in whole if each.ttft_s is not None]
    others = [each.ttft_s for each in uncached if each and each.ttft_s is not None]
    speedups = [
        b.ttft_s / a.ttft_s
        for a, b in zip(cached, uncached, strict=True)
        if a is not None and b is not None and a.ttft_s and b.ttft_s
    ]
    counts = [each.input_tokens for each in whole if each.input_tokens is not None]
    reused = [each.cached_input_tokens for each in whole if _reports(each)]
    return turn.model_copy(
        update={
            "input_tokens": median_of(counts),
            "cached_tokens": median_of(reused),
            "uncached_cached_tokens": median_of(
                [each.cached_input_tokens for each in uncached if each and _reports(each)]
            ),
            "ttft_s": median_of(ttfts),
            "ttft_interval": Interval.of_repeats(ttfts),
            "uncached_ttft_s": median_of(others),
            "uncached_interval": Interval.of_repeats(others),
            "speedup": median_of(speedups),
            "speedup_interval": Interval.of_repeats(speedups),
        }
    )


def _find(run: Sequence[LlmRequest], number: int | None) -> LlmRequest | None:
    """Return the complete answer with this number."""
    return next((r for r in run if r.prompt == number and r.failure is None), None)


def _reports(request: LlmRequest) -> bool:
    return request.cached_tokens is not None or "cache_n" in request.server_timings


def _evidence(model: LlmModelReport, turns: Sequence[CacheTurn]) -> str:
    """Return the strongest sign of a cache, as in `CacheTable.evidence`."""
    later = list(pairwise(turns))
    # The other conversation has the system prompt in common, as the first turn has.
    pairs = [(turns[0] if each.turn == OTHER else before, each) for before, each in later]
    enough = MIN_TURNS * len(pairs)
    if sum(_has_reused(before, each) for before, each in pairs) >= enough:
        return "tokens"
    window = model.server_metrics.repeats if model.server_metrics else None
    prompts = sum(each.input_tokens or 0 for each in turns) * len(model.all_runs)
    if window is not None and (window.cached_tokens or 0) > MIN_REUSED * MIN_TURNS * prompts > 0:
        return "metrics"
    sooner = sum(each.speedup_interval is not None and each.speedup_interval.low > 1
                 for _, each in pairs)  # fmt: skip
    return "times" if sooner >= enough else ""


def _has_reused(before: CacheTurn, turn: CacheTurn) -> bool:
    return bool(
        before.input_tokens and (turn.cached_tokens or 0) >= MIN_REUSED * before.input_tokens
    )


def conversation_reasons(table: CacheTable) -> Iterator[str]:
    """Yield why the result is open: uncached prompts that were cached, prompts that were cut."""
    for turn in table.turns[1:]:
        if (turn.uncached_cached_tokens or 0) > MOSTLY * (turn.input_tokens or 0):
            yield (
                f"conversation: {turn.uncached_cached_tokens:g} of {turn.input_tokens or 0:g}"
                " tokens were cached although a new nonce came first"
            )
            break
    turns = [turn for turn in table.turns if turn.turn != OTHER]
    for before, each in pairwise(turns):
        if None in (before.input_tokens, each.input_tokens):
            continue
        if (each.input_tokens or 0) <= (before.input_tokens or 0):
            yield f"conversation: turn {each.turn} has no more tokens than turn {before.turn}"
            return


def contradictions_of_turns(table: CacheTable, params: Params) -> Iterator[str]:
    """Yield that the turns aren't those of the workload, or aren't numbered in order."""
    if isinstance(params, CacheParams):
        wanted = [*range(1, params.turns + 1), OTHER]
        if (turns := [turn.turn for turn in table.turns]) != wanted:
            yield f"cache: turns {turns} instead of {wanted}"
    count = len(table.turns)
    numbers = [(turn.number, turn.uncached_number) for turn in table.turns]
    later = [(number, count + number - 1) for number in range(2, count + 1)]
    if numbers != [(1, None), *later]:
        yield "cache: the requests aren't numbered in order"


def cache_lines(table: CacheTable) -> Iterator[str]:
    """Yield the table as lines of at most 80 columns."""
    confidence = ci_heading(turn.ttft_interval for turn in table.turns)
    yield _ROW.format("turn", "tokens", "cached", "TTFT", confidence, "uncached", "faster")
    for turn in table.turns[:MAX_TURNS]:
        yield _ROW.format(
            "other" if turn.turn == OTHER else turn.turn,
            "-" if turn.input_tokens is None else f"{turn.input_tokens:,.0f}",
            "-" if turn.cached_tokens is None else f"{turn.cached_tokens:,.0f}",
            time_or_dash(turn.ttft_s), ci_cell(turn.ttft_interval, format_seconds),
            time_or_dash(turn.uncached_ttft_s),
            "-" if turn.speedup is None else f"{turn.speedup:.2f} times",
        )  # fmt: skip
    yield f"  {_SIGNS.get(table.evidence, 'the server shows no sign of a prompt cache')}"


def ttfts_of(model: LlmModelReport) -> list[Point]:
    """Return the points of the chart: TTFT by turn, cached and uncached."""
    turns = [turn for turn in (model.cache.turns if model.cache else ()) if turn.turn > 0]
    cached = [
        Point(x=each.turn, y=each.ttft_s, high=_high(each.ttft_interval), series="cached")
        for each in turns[: MAX_TURNS // 2]
        if each.ttft_s is not None
    ]
    uncached = [
        Point(
            x=each.turn, y=each.uncached_ttft_s, high=_high(each.uncached_interval),
            series="uncached",
        )
        for each in turns[:MAX_TURNS // 2]
        if each.uncached_ttft_s is not None
    ]  # fmt: skip
    return [*cached, *uncached]


def _high(interval: Interval | None) -> float | None:
    return interval.high if interval else None
