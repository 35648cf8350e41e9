"""Records of streamed chat completions: chunks, stamps, figures or failure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import Self

from pydantic import BaseModel

MIN_P99 = 100
"""Values below which there is no 99th percentile: it would be the highest one."""


class ChatFailure(StrEnum):
    """Why a request has no latency."""

    CLIENT = "client"
    """The client itself failed: a process of it ended, or may not open enough files."""
    CONNECT = "connect"
    CONNECT_TIMEOUT = "connect-timeout"
    FIRST_BYTE_TIMEOUT = "first-byte-timeout"
    IDLE_TIMEOUT = "idle-timeout"
    TOTAL_TIMEOUT = "total-timeout"
    TOO_LARGE = "too-large"
    HTTP_STATUS = "http-status"
    SERVER_ERROR = "server-error"
    NOT_A_STREAM = "not-a-stream"
    MALFORMED = "malformed"
    CUT = "cut"
    NO_TOKEN = "no-token"  # noqa: S105 -- a class of failures
    """A complete answer without any text."""
    REFUSAL = "refusal"
    """The model declined, in the API's `refusal` field."""
    CONTENT_FILTER = "content-filter"
    ABORTED = "aborted"
    """The server aborted the answer and reported it."""
    UNFINISHED = "unfinished"
    """It ended with an unknown finish_reason."""
    NO_FINISH = "no-finish"
    """It ended without a finish_reason."""


class TokenCountSource(StrEnum):
    """Where `output_tokens` comes from; the last two are estimates."""

    USAGE = "usage"
    TIMINGS = "timings"
    TEXT = "text"
    """By a tokenizer: read, but not written."""
    CHUNKS = "chunks"

    @property
    def is_estimate(self) -> bool:
        """Return whether the number isn't the server's own."""
        return self in {TokenCountSource.TEXT, TokenCountSource.CHUNKS}


@dataclass(frozen=True, slots=True)
class TokenChunk:
    """A chunk that carries at least one token."""

    stamp_ns: int
    answer: str
    """Content or the arguments of a tool call."""
    reasoning: str
    has_answer: bool
    """Content; a tool call is a token, but no answer text."""
    tokens: int | None = None
    """Tokens in this chunk, where the server sends their ids or log probabilities."""
    counted: int | None = None
    """Output tokens up to and including this chunk, where its usage has them."""


class Percentiles(BaseModel):
    """Percentiles of times, by nearest rank."""

    median_s: float
    p95_s: float
    p99_s: float
    max_s: float
    """Maximum: shows stalls."""

    @classmethod
    def of(cls, gaps_s: Sequence[float]) -> Self | None:
        """Return the percentiles of `gaps_s`; None without gaps."""
        if not gaps_s:
            return None
        ordered = sorted(gaps_s)
        return cls(
            median_s=median(ordered),
            p95_s=nearest_rank(ordered, 0.95),
            p99_s=nearest_rank(ordered, 0.99),
            max_s=ordered[-1],
        )


def nearest_rank(ordered: Sequence[float], share: float) -> float:
    """Return the smallest of the sorted values that `share` of them don't exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def p99_of(ordered: Sequence[float]) -> float | None:
    """Return the 99th percentile of at least MIN_P99 sorted values, else None."""
    return nearest_rank(ordered, 0.99) if len(ordered) >= MIN_P99 else None


@dataclass(frozen=True, kw_only=True)
class Stamps:
    """Raw stamps of one request, in ns after its first byte was sent."""

    sent_at_ns: int
    """That moment itself, by `time.perf_counter_ns`."""
    read_ns: tuple[int, ...] = ()
    read_bytes: tuple[int, ...] = ()
    token_ns: tuple[int, ...] = ()
    """One per chunk that carries a token."""
    ended_ns: int | None = None

    @property
    def ended_at_ns(self) -> int:
        """The end of the answer by the clock of `sent_at_ns`; that moment if it never ended."""
        return self.sent_at_ns + (self.ended_ns or 0)

    def gaps_s(self) -> list[float]:
        """Return the times between chunks that carry tokens."""
        return [(after - before) / 1e9 for before, after in pairwise(self.token_ns)]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Figures of a complete answer; a failed request has none."""

    total_latency_s: float
    """From the request's first byte to the last chunk that carries a token."""
    stream_end_s: float
    """From the request's first byte to the end of the response."""
    ttft_s: float
    """To the first token of any kind, reasoning and tool calls included."""
    ttfat_s: float | None
    """To the first answer token; None where the answer has none."""
    generation_time_s: float
    """From the first token to the last."""
    input_tokens: int | None
    output_tokens: int
    """Tokens that the model generated, including hidden reasoning and an end token."""
    reasoning_tokens: int | None
    cached_tokens: int | None = None
    """Prompt tokens that the server had cached."""
    output_chars: int
    reasoning_chars: int
    streamed_tokens: int
    """Output tokens that were received."""
    first_tokens: float
    """Tokens of the first arrival; an estimate if chunks carry several."""
    tokens_per_sec: float | None
    """Decode rate: tokens after the first arrival over generation time; None if all arrived
    at once, or if the count contradicts the stream."""
    tokens_per_sec_least: float | None
    tokens_per_sec_most: float | None
    """Bounds of the rate; None if all tokens arrived at once."""
    chars_per_sec: float | None
    """Characters of answer and reasoning over generation time."""
    token_count_source: TokenCountSource
    count_conflict: str = ""
    """Why the server's count can't be that of the stream; empty where it can."""
    chunks: int
    """Chunks that carry a token."""
    arrivals: int
    """Distinct arrival times."""
    is_coalesced: bool
    """Whether chunks arrived in bursts, so that there is no ITL."""
    tpot_s: float | None
    """Time per output token after the first: the inverse of `tokens_per_sec`."""
    chunk_gaps: Percentiles | None
    """Times between chunks; None if the stream is coalesced."""
    itl: Percentiles | None
    """Inter-token latency: chunk gaps over the mean number of tokens per chunk."""
    model: str | None
    """Model named in the answer."""
    unusable: tuple[str, ...] = ()
    """Names of the server's invalid values that were dropped, such as NaN."""
    finish_reason: str | None
    server_timings: Mapping[str, float] = field(default_factory=dict)


class ClientAccuracy(BaseModel):
    """Timing error of the client, on a local stream whose send times are known."""

    requests: int
    """Number of streams."""
    tokens: int
    """Of all streams."""
    ttft_error_s: float
    """The client's TTFT minus the server's."""
    itl_error: float
    """Relative error of the mean ITL: the client's over the server's, minus 1."""
    delay_p99_s: float
    """p99 of the delay from the server's send to the client's stamp."""


@dataclass(frozen=True, kw_only=True)
class ChatRecord:
    """One request: either `figures` of a complete answer, or a `failure` without latency."""

    stamps: Stamps | None
    """None where no connection could be opened."""
    figures: Figures | None = None
    failure: ChatFailure | None = None
    error: str = ""
    """What happened, for people; empty without a failure."""
    status: int | None = None
    """HTTP status; None without a response."""
    text: str = ""
    """The answer as far as received."""

    def __post_init__(self) -> None:
        if (self.figures is None) == (self.failure is None):
            raise ValueError("a record has either figures or a failure")
