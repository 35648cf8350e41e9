"""What reports say of a model that a server answers for."""

from pydantic import BaseModel, ConfigDict, Field

from nobs.schema.report import Interval, ModelReport
from nobs.schema.server import ServerRef
from nobs.schema.telemetry import Figure


class Gaps(BaseModel):
    """Times between chunks that carry tokens, pooled; percentiles by nearest rank."""

    median_s: float
    p95_s: float
    p99_s: float
    max_s: float


class LlmRequest(BaseModel):
    """One request: the figures of a whole answer, or why there are none."""

    prompt: int
    """Number of the row, from 1."""
    failure: str | None = None
    """Class of the failure, `short` for an answer of too few tokens; such a one has no times."""
    error: str = ""
    status: int | None = None
    """Of HTTP; None where no response came."""
    total_latency_s: float | None = None
    stream_end_s: float | None = None
    ttft_s: float | None = None
    ttfat_s: float | None = None
    generation_time_s: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    """Tokens of the prompt that the server had in a cache, where it says so."""
    output_chars: int | None = None
    reasoning_chars: int | None = None
    streamed_tokens: int | None = None
    """Output tokens whose arrival was seen; None in reports from before decode rates were those of
    the tokens after the first arrival."""
    first_tokens: float | None = None
    """Those of the first arrival; an estimate where chunks carry several tokens."""
    tokens_per_sec: float | None = None
    """Decode rate: tokens after the first arrival over generation time."""
    tokens_per_sec_least: float | None = None
    tokens_per_sec_most: float | None = None
    chars_per_sec: float | None = None
    tpot_s: float | None = None
    token_count_source: str | None = None
    count_conflict: str = ""
    """Why the server's count can't be that of the stream: there is no rate then, but a range."""
    chunks: int | None = None
    arrivals: int | None = None
    """Distinct times at which chunks with tokens came."""
    is_coalesced: bool = False
    """Whether several chunks came at once; there is no inter-token latency then."""
    gaps: Gaps | None = None
    token_gaps: Gaps | None = None
    finish_reason: str | None = None
    model: str | None = None
    """Which model the server said has answered."""
    unusable: tuple[str, ...] = ()
    """Names of the server's values that were dropped, as NaN or Infinity."""
    server_timings: dict[str, float] = Field(default_factory=dict)

    @property
    def counted_tokens(self) -> int | None:
        """Return the output tokens; no more than the chunks where the count can't be theirs."""
        if self.count_conflict and self.chunks is not None:
            return min(self.chunks, self.output_tokens or 0)
        return self.output_tokens

    @property
    def prefill_tokens_per_sec(self) -> float | None:
        """Return the input tokens that no cache held over the time to the first token."""
        read = (self.input_tokens or 0) - (self.cached_tokens or 0)
        if read <= 0 or not self.ttft_s or self.count_conflict:
            return None
        return read / self.ttft_s

    @property
    def decode_tokens_per_sec(self) -> float | None:
        """Return the inverse of TPOT: in reports of today that is `tokens_per_sec`."""
        return 1 / self.tpot_s if self.tpot_s else None


class LlmRun(BaseModel):
    """One repeat: all prompts, one after the other; medians are of the whole answers."""

    median_latency_s: float | None
    median_ttft_s: float | None
    median_tokens_per_sec: float | None
    total_input_tokens: int | None
    total_output_tokens: int
    failed: int
    prompts: tuple[LlmRequest, ...]


class ClientError(BaseModel):
    """How far the client's own times were off before the run, against a stream of known times."""

    requests: int
    tokens: int
    ttft_error_s: float
    gap_error: float
    delay_p99_s: float


class LoadLevel(BaseModel):
    """One level of load; times are of whole answers."""

    concurrency: int | None
    rate_per_s: float | None
    requests: int
    failures: dict[str, int]
    duration_s: float
    tokens_per_sec: float | None
    """Throughput: output tokens of all answers over the duration of the level."""
    requests_per_sec: float | None
    median_decode_tokens_per_sec: float | None = None
    """Of single answers: the decode rate that one user sees."""
    median_latency_s: float | None
    p95_latency_s: float | None
    median_ttft_s: float | None
    p95_ttft_s: float | None
    coalesced: int = 0
    """Answers that came in lumps."""
    unreconciled: int = 0
    """Answers whose counted tokens can't be those of the stream."""
    gaps: Gaps | None
    mean_in_flight: float | None
    max_in_flight: int
    arrival_rate_per_s: float | None


class LoadTable(BaseModel):
    """The levels in their order, and how to have the same requests again."""

    levels: tuple[LoadLevel, ...]
    arrivals: str
    seed: int
    knee: int | None
    """Concurrency of a sweep beyond which throughput stopped growing; None without one."""


class LlmModelReport(ModelReport):
    """A model's figures; times are seconds, rates are tokens per second."""

    model_config = ConfigDict(extra="forbid")

    final_median_latency_s: float | None = None
    final_median_ttft_s: float | None = None
    final_median_tokens_per_sec: float | None = None
    final_median_prefill_tokens_per_sec: float | None = None
    final_median_decode_tokens_per_sec: float | None = None
    final_median_tokens_per_sec_least: float | None = None
    final_median_tokens_per_sec_most: float | None = None
    """Between these the decode rate is certain to lie, also where it is withheld."""
    latency_interval: Interval | None = None
    ttft_interval: Interval | None = None
    tokens_per_sec_interval: Interval | None = None
    total_input_tokens: int | None = None
    total_output_tokens: int | None = None
    total_reasoning_tokens: int | None = None
    total_streamed_tokens: int | None = None
    """Output tokens whose arrival was seen; decode rates are of these."""
    gaps: Gaps | None = None
    token_gaps: Gaps | None = None
    requests: int | None = None
    failures: dict[str, int] = Field(default_factory=dict)
    finish_reasons: dict[str, int] = Field(default_factory=dict)
    token_count_sources: dict[str, int] = Field(default_factory=dict)
    answered_models: dict[str, int] = Field(default_factory=dict)
    """Answers by the name of the model that the server gave with them."""
    coalesced: int = 0
    """Answers that came in lumps."""
    unreconciled: int = 0
    """Answers whose counted tokens can't be those of the stream."""
    max_output_tokens: int | None = None
    temperature: float | None = None
    server: ServerRef | None = None
    client_error: ClientError | None = None
    load: LoadTable | None = None
    joules_per_1000_tokens: Figure | None = None
    """Of output tokens."""
    all_runs: tuple[LlmRun, ...] = ()
