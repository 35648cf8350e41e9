"""Records of served models in a report."""

from pydantic import BaseModel, ConfigDict, Field

from nobs.schema.report import Interval, ModelReport
from nobs.schema.server import ServerRef
from nobs.schema.telemetry import Figure
from nobs.tasks.chat.client.record import ClientAccuracy, Percentiles
from nobs.tasks.chat.load_report import LoadTable
from nobs.tasks.chat.server_report import ServerMetrics
from nobs.tasks.cold.report import ServerStarts


class LlmRequest(BaseModel):
    """One request: times and tokens of a complete answer, or its failure."""

    prompt: int
    """Number of the row, from 1."""
    failure: str | None = None
    """Null for a complete answer, else `connect`, `connect-timeout`, `first-byte-timeout`,
    `idle-timeout`, `total-timeout`, `too-large`, `http-status`, `server-error`, `not-a-stream`,
    `malformed`, `cut`, `no-token` (an empty answer), `refusal` (in the API's own field),
    `content-filter`, `aborted` (by the server), `unfinished` (a `finish_reason` that no API is
    known to use), `no-finish` (none at all) or `short` (fewer tokens than `min_output_tokens`);
    such a request has no times."""
    error: str = ""
    """Message of the failure."""
    status: int | None = None
    """Of HTTP; null where no response came."""
    total_latency_s: float | None = None
    """From the request's first byte to the last token."""
    stream_end_s: float | None = None
    """From the request's first byte to the end of the response."""
    ttft_s: float | None = None
    """TTFT: to the first token of any kind, reasoning included."""
    ttfat_s: float | None = None
    """To the first token of the answer, after the reasoning."""
    generation_time_s: float | None = None
    """From the first to the last token."""
    input_tokens: int | None = None
    """As counted by the server; null if it doesn't."""
    output_tokens: int | None = None
    """Tokens that the model generated, including (hidden) reasoning and an end token."""
    reasoning_tokens: int | None = None
    """As counted by the server; null if it doesn't."""
    cached_tokens: int | None = None
    """Prompt tokens that the server had cached; null if not reported."""
    output_chars: int | None = None
    """Characters of the answer."""
    reasoning_chars: int | None = None
    """Characters of the reasoning."""
    streamed_tokens: int | None = None
    """Output tokens that were received; null in older reports, whose decode rate is of all output
    tokens."""
    first_tokens: float | None = None
    """Tokens of the first arrival; an estimate where chunks carry several."""
    tokens_per_sec: float | None = None
    """Decode rate: `(streamed_tokens - first_tokens) / generation_time_s`; null if all arrived at
    once or with a `count_conflict`."""
    tokens_per_sec_least: float | None = None
    """Lowest rate that counts and stream allow."""
    tokens_per_sec_most: float | None = None
    """Highest rate that counts and stream allow."""
    chars_per_sec: float | None = None
    """Characters of answer and reasoning over `generation_time_s`."""
    tpot_s: float | None = None
    """TPOT: time per output token after the first arrival, `1 / tokens_per_sec`."""
    token_count_source: str | None = None
    """`usage` or `timings` of the server; `text` or `chunks`: an estimate."""
    count_conflict: str = ""
    """Why the server's count contradicts the stream: then only the range of
    the rate is known; else empty."""
    chunks: int | None = None
    """Chunks that carried tokens."""
    arrivals: int | None = None
    """Distinct times at which chunks with tokens arrived."""
    is_coalesced: bool = False
    """Whether chunks arrived in bursts, as through a buffering proxy: no ITL."""
    chunk_gaps: Percentiles | None = None
    """Times between chunks; null if coalesced."""
    itl: Percentiles | None = None
    """ITL: `chunk_gaps` over the mean number of tokens per chunk; null if coalesced."""
    finish_reason: str | None = None
    """`stop`, `length` or `tool_calls`, or the words of other APIs; null where the server sent null
    up to `[DONE]`."""
    model: str | None = None
    """Model named in the answer."""
    unusable: tuple[str, ...] = ()
    """Names of the server's values that were dropped: NaN, Infinity, counts beyond 2^53; `repeated
    text`."""
    server_timings: dict[str, float] = Field(default_factory=dict)
    """The server's own times, where it sends them."""

    @property
    def counted_tokens(self) -> int | None:
        """Return the output tokens; at most the chunks if the count contradicts the stream."""
        if self.count_conflict and self.chunks is not None:
            return min(self.chunks, self.output_tokens or 0)
        return self.output_tokens

    @property
    def cached_input_tokens(self) -> int:
        """Return the prompt tokens that the server had cached, by usage or its timings."""
        return max(self.cached_tokens or 0, int(self.server_timings.get("cache_n", 0)))

    @property
    def prefill_tokens_per_sec(self) -> float | None:
        """Return uncached input tokens over TTFT."""
        read = (self.input_tokens or 0) - self.cached_input_tokens
        if read <= 0 or not self.ttft_s or self.count_conflict:
            return None
        return read / self.ttft_s

    @property
    def decode_tokens_per_sec(self) -> float | None:
        """Return the inverse of TPOT: in reports of today that is `tokens_per_sec`."""
        return 1 / self.tpot_s if self.tpot_s else None


class LlmRun(BaseModel):
    """One repeat: all prompts sequentially."""

    median_latency_s: float | None
    """Over the complete answers; null if there was none."""
    median_ttft_s: float | None
    """Over the complete answers; null if there was none."""
    median_tokens_per_sec: float | None
    """Median decode rate over the complete answers; null if there was none."""
    total_input_tokens: int | None
    """Of the prompts of complete answers; null if the server doesn't count them."""
    total_output_tokens: int
    """Of the complete answers; at most the number of chunks for those with a `count_conflict`."""
    failed: int
    """Prompts without a complete answer."""
    prompts: tuple[LlmRequest, ...]


class ChatModelReport(ModelReport):
    """Figures that all tasks with served models report."""

    model_config = ConfigDict(extra="forbid")

    final_median_latency_s: float | None = None
    """From the request's first byte to the last chunk that carries a token."""
    final_median_ttft_s: float | None = None
    """TTFT: to the first token of any kind, reasoning included."""
    final_median_tokens_per_sec: float | None = None
    """Decode rate: tokens after the first arrival over the time from the first to the last; null
    if the counts of more than a tenth of the answers contradict their streams. Older reports:
    all output tokens over that time."""
    final_median_prefill_tokens_per_sec: float | None = None
    """Uncached input tokens over TTFT; null with `unreconciled` counts."""
    final_median_decode_tokens_per_sec: float | None = None
    """As `final_median_tokens_per_sec`; in older reports this one alone is of the tokens after the
    first chunk."""
    final_median_tokens_per_sec_least: float | None = None
    """Lowest decode rate that counts and streams allow, also if the rate itself is null."""
    final_median_tokens_per_sec_most: float | None = None
    """Highest decode rate that counts and streams allow, also if the rate itself is null."""
    latency_interval: Interval | None = None
    """CI of `final_median_latency_s`."""
    ttft_interval: Interval | None = None
    """CI of `final_median_ttft_s`."""
    tokens_per_sec_interval: Interval | None = None
    """CI of `final_median_tokens_per_sec`."""
    total_input_tokens: int | None = None
    """Of all complete answers; null if the server doesn't count them."""
    total_output_tokens: int | None = None
    """Of all complete answers, including reasoning; see `all_runs` for a `count_conflict`."""
    total_reasoning_tokens: int | None = None
    """Of all complete answers; null if the server doesn't count them."""
    total_streamed_tokens: int | None = None
    """Output tokens that were received; null in older reports."""
    chunk_gaps: Percentiles | None = None
    """Times between chunks that carry tokens, of all answers together; null if more than a tenth
    of the answers arrived in bursts."""
    itl: Percentiles | None = None
    """ITL of all answers together: chunk gaps over the mean number of tokens per chunk."""
    requests: int | None = None
    """Number sent, warm-up left out."""
    failures: dict[str, int] = Field(default_factory=dict)
    """Number of failed requests by class; more than a tenth fails the step."""
    finish_reasons: dict[str, int] = Field(default_factory=dict)
    """Number of complete answers by `finish_reason`; `length`: at the limit of output tokens."""
    token_count_sources: dict[str, int] = Field(default_factory=dict)
    """Number of answers by the source of their token count: `usage` or `timings` of the server;
    `text`, `chunks`: estimates."""
    answered_models: dict[str, int] = Field(default_factory=dict)
    """Number of answers by the model named in them."""
    coalesced: int = 0
    """Answers that arrived in bursts of several chunks."""
    unreconciled: int = 0
    """Answers whose token counts contradict their streams; all if counts accumulate
    over answers."""
    max_output_tokens: int | None = None
    """As requested; null if the server refuses every limit."""
    temperature: float | None = None
    """As requested; null if the server refuses it."""
    server: ServerRef | None = None
    """Server that answered."""
    server_metrics: ServerMetrics | None = None
    """The server's own figures; null in older reports."""
    template_tokens: int | None = None
    """Input tokens of a request with a prompt of one character: those of the chat template and the
    nonce. Measured if the server reported cached input; more than these and 5 % of the prompt make
    the result open."""
    client_accuracy: ClientAccuracy | None = None
    """Timing error of the client, measured before the run; null if that failed."""
    load: LoadTable | None = None
    """Load levels; null unless requested."""
    cold: ServerStarts | None = Field(None, exclude_if=lambda value: value is None)
    """Cold starts; absent in other workloads. There, the medians of requests are null: the first
    one of each repeat waits for what the second one finds loaded."""
    joules_per_1000_tokens: Figure | None = None
    """Energy of the backend's devices per 1,000 output tokens, if the server computes on this
    machine."""
    all_runs: tuple[LlmRun, ...] = ()
    """Repeats, raw, in order."""
