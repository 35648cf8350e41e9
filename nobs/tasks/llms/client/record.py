"""What is known of one streamed chat completion, and how its figures follow from the stamps."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import Self


class ChatFailure(StrEnum):
    """Why a request has no latency."""

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


class TokenCountSource(StrEnum):
    """Where `output_tokens` comes from; the last two are estimates."""

    USAGE = "usage"
    TIMINGS = "timings"
    TEXT = "text"
    CHUNKS = "chunks"

    @property
    def is_estimate(self) -> bool:
        """Tell whether the server didn't say the number itself."""
        return self in {TokenCountSource.TEXT, TokenCountSource.CHUNKS}


@dataclass(frozen=True, kw_only=True)
class GapStats:
    """Times between token-carrying chunks, in seconds; percentiles by nearest rank."""

    median_s: float
    p95_s: float
    p99_s: float
    max_s: float

    @classmethod
    def of(cls, gaps_s: Sequence[float]) -> Self | None:
        """Return the statistics of `gaps_s`; None of no gaps."""
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


@dataclass(frozen=True, kw_only=True)
class Stamps:
    """The raw stamps of one request, all in ns after the request's first byte was sent."""

    sent_at_ns: int
    """That moment itself, by `time.perf_counter_ns`."""
    read_ns: tuple[int, ...] = ()
    read_bytes: tuple[int, ...] = ()
    token_ns: tuple[int, ...] = ()
    """One per chunk that carries a token."""
    ended_ns: int | None = None

    def gaps_s(self) -> list[float]:
        """Return the times between chunks that carry tokens."""
        return [(after - before) / 1e9 for before, after in pairwise(self.token_ns)]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The numbers of a whole answer; a failed request has none of them."""

    total_latency_s: float
    """From the request's first byte to the last chunk that carries a token."""
    stream_end_s: float
    """From the request's first byte to the end of the response."""
    ttft_s: float
    """To the first token of any kind, reasoning and tool calls included."""
    ttfat_s: float | None
    """To the first answer token; None where the answer has none."""
    generation_time_s: float
    input_tokens: int | None
    output_tokens: int
    reasoning_tokens: int | None
    output_chars: int
    reasoning_chars: int
    tokens_per_sec: float | None
    """Output tokens over generation time; None where all came in one chunk."""
    chars_per_sec: float | None
    """Characters of answer and reasoning over generation time."""
    token_count_source: TokenCountSource
    chunks: int
    """Chunks that carry a token."""
    tpot_s: float | None
    """Generation time over the tokens after the first chunk, whose share is the mean one."""
    gaps: GapStats | None
    token_gaps: GapStats | None
    """The gaps over the mean number of tokens in a chunk."""
    finish_reason: str | None
    server_timings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ChatRecord:
    """One request: either `figures` of a whole answer, or a `failure` and never a latency."""

    stamps: Stamps | None
    """None where no connection could be opened."""
    figures: Figures | None = None
    failure: ChatFailure | None = None
    error: str = ""
    """What happened, for people; empty without a failure."""
    status: int | None = None
    """Of HTTP; None where no response came."""
    text: str = ""
    """The answer as far as it came."""

    def __post_init__(self) -> None:
        if (self.figures is None) == (self.failure is None):
            raise ValueError("a record has either figures or a failure")
