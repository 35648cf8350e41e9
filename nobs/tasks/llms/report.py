"""Records of a served LLM in a report."""

from pydantic import BaseModel, Field

from nobs.schema.report import Interval
from nobs.tasks.chat.report import ChatModelReport
from nobs.tasks.fit.report import Fit


class AnswerRound(BaseModel):
    """One round of the questions."""

    right: int
    wrong: int
    unjudged: int
    """Failed, cut within the reasoning, or not asked because the round took too long."""
    answers: tuple[str, ...]
    """Start of each answer, without reasoning, in the order of the questions."""


class AnswerCheck(BaseModel):
    """Answers to short questions, and degenerate timed answers."""

    questions: int
    """Number of questions per round."""
    rounds: tuple[AnswerRound, ...]
    """Before and after the repeats."""
    share: float | None
    """Share of right answers among the judged ones, in the worse round; null if none was judged."""
    low: float | None
    """Lower end of its 95 % CI (Wilson)."""
    high: float | None
    """Upper end of its 95 % CI."""
    timed: int
    """Timed answers that were checked."""
    degenerate: dict[str, int] = Field(default_factory=dict)
    """Timed answers by fault: `empty`, `unprintable` (more than 5 % of the characters), `loop` (the
    end is one passage, at least 4 times)."""


class DepthCell(BaseModel):
    """One prompt length; figures are medians over the repeats."""

    depth: int
    """Tokens of prose in the prompt; 0: an empty prompt."""
    number: int = 0
    """Number of its requests in `all_runs`, from 1; 0 if it was left out."""
    skipped: str = ""
    """Why it was left out: the server's context, the time, or an error; empty if measured."""
    input_tokens: float | None = None
    """Tokens of the whole prompt, as counted by the server: template, nonce, prose, task."""
    ttft_s: float | None = None
    prefill_tokens_per_sec: float | None = None
    """Input tokens beyond those of the empty prompt, over the TTFT beyond that of the empty
    prompt in the same repeat; null for the empty prompt."""
    prefill_interval: Interval | None = None
    """CI of `prefill_tokens_per_sec`."""
    decode_tokens_per_sec: float | None = None
    """Decode rate after this prompt."""
    decode_interval: Interval | None = None
    """CI of `decode_tokens_per_sec`."""


class DepthTable(BaseModel):
    """Speed by length of the prompt."""

    cells: tuple[DepthCell, ...]
    """The empty prompt, then the depths in ascending order."""
    tolerance: float
    """Allowed difference from the tokens of prose, as a share."""
    slope_s: float | None = None
    """Seconds per output token that 1,000 tokens of context add: least squares over the depths of
    a repeat, median over the repeats; null with fewer than 3 depths."""
    slope_interval: Interval | None = None
    """CI of `slope_s`."""


class CacheTurn(BaseModel):
    """One request of a conversation; figures are medians over the repeats."""

    turn: int
    """From 1, which finds nothing in the cache; 0: the first request of another conversation with
    the same system prompt."""
    number: int
    """Number of its requests in `all_runs`."""
    uncached_number: int | None
    """Number of the requests with the same texts after a new nonce, which find nothing in the
    cache; null for turn 1, which is such a request."""
    input_tokens: float | None = None
    """Tokens of the whole prompt, as counted by the server."""
    cached_tokens: float | None = None
    """Input tokens that the server had cached; null if it doesn't report them."""
    uncached_cached_tokens: float | None = None
    """As `cached_tokens`, of the requests that should find nothing."""
    ttft_s: float | None = None
    ttft_interval: Interval | None = None
    """CI of `ttft_s`."""
    uncached_ttft_s: float | None = None
    """TTFT of the same texts, uncached; null for turn 1."""
    uncached_interval: Interval | None = None
    """CI of `uncached_ttft_s`."""
    speedup: float | None = None
    """`uncached_ttft_s` over `ttft_s` of the same repeat."""
    speedup_interval: Interval | None = None
    """CI of `speedup`."""


class CacheTable(BaseModel):
    """Time to first token by turn of a conversation."""

    turns: tuple[CacheTurn, ...]
    """The turns in order, then the other conversation."""
    evidence: str = ""
    """Sign of a prompt cache: `tokens` (reported with the answers), `metrics` (the server's own
    figures), `times` (cached turns have a shorter TTFT); empty: there is none."""


class LlmModelReport(ChatModelReport):
    """Figures of a served model; null or empty if it isn't ok.

    Medians are over the repeats, of each repeat's median over its prompts; failed requests are
    left out. `device` is the backend of the run, not the server's hardware.
    `task_score` is null unless the server is local.
    """

    answers: AnswerCheck | None = None
    """Check of the answers; null in workloads without questions."""
    cache: CacheTable | None = None
    """TTFT by turn; null in other workloads. There, the medians of TTFT and latency are over the
    requests that can use the cache, and there is no median prefill rate."""
    depth: DepthTable | None = None
    """Speed by length of the prompt; null in other workloads. There, the medians of a repeat are
    over all depths."""
    fit: Fit | None = Field(None, exclude_if=lambda value: value is None)
    """Memory by context length; absent in other workloads."""
